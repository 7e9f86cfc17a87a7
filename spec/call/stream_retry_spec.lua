-- Attempts of streams: until the headers are here, or the first event is an error that may pass,
-- and never after (behaviour 3, 6.4, 9.7, 19.5).

local talk = require("spec.support.client")
local tries = require("spec.support.attempts")

local function last_of(stream)
  local _, err = stream:reply()
  return err
end

describe("a stream is tried again", function()
  for _, status in ipairs { 408, 409, 429, 500, 503 } do
    it("after status " .. status, function()
      local outcome = tries.stream { { status = status } }
      assert.are.equal("Hi", outcome.reply:reply():text())
      assert.are.equal(2, #outcome.sent)
      assert.are.equal(2, #outcome.reply.info.attempts)
    end)
  end

  local faults = {
    ["a connection that is reset"] = { { raw = "", ending = "reset" } },
    ["headers that break off"] = { { cut_head = 20 } },
    ["no headers for too long"] = { { delay = 0.3 }, { first_byte_timeout = 0.04 } },
    ["no headers within the attempt"] = { { delay = 0.3 }, { attempt_timeout = 0.04 } },
  }
  for name, case in pairs(faults) do
    it("after " .. name, function()
      local outcome = tries.stream({ case[1] }, case[2])
      assert.is_truthy(outcome.reply, tostring(outcome.err))
      assert.are.equal("Hi", outcome.reply:reply():text())
      assert.are.equal(2, #outcome.sent)
    end)
  end

  it("five times in all", function()
    local outcome = tries.stream { always = { status = 503 } }
    assert.are.equal("server", outcome.err.kind)
    assert.are.equal(5, #outcome.sent)
    assert.are.equal(5, #outcome.err.attempts)
  end)

  it("as long as the server says", function()
    local outcome = tries.stream { { status = 503, headers = { ["Retry-After"] = "33" } } }
    assert.is_true(outcome.waits[1] >= 33)
    outcome.reply:cancel()
  end)
end)

describe("a stream whose first event is an error of code", function()
  for _, code in ipairs { 429, 500, 503 } do
    local step = { events = { ('{"error":{"message":"later","code":%d}}'):format(code) } }

    it(code .. " is opened anew, for nothing has been delivered", function()
      local outcome = tries.stream { step, step }
      assert.are.equal("Hi", outcome.reply:reply():text())
      local attempts = outcome.reply.info.attempts
      assert.are.equal(3, #attempts)
      assert.are.equal("stream_error", attempts[1].error.kind)
      assert.are.equal(3, #talk.sim:journal())
    end)

    it(code .. " is so under on_text, and each wait is told", function()
      local texts, told = {}, {}
      local outcome = tries.chat({ step }, {
        on_text = function(text) texts[#texts + 1] = text end,
        log = function(_, event) told[#told + 1] = event.event end,
      })
      assert.are.equal("Hi", outcome.reply:text())
      assert.are.equal("Hi", table.concat(texts))
      assert.are.equal(2, #outcome.sent)
      assert.are.equal(1, #outcome.waits)
      assert.are.same({ "attempt", "wait", "attempt" }, told)
    end)

    it(code .. " is so as often as the policy says", function()
      local outcome = tries.stream { always = step }
      local err = last_of(outcome.reply)
      assert.are.equal("stream_error", err.kind)
      assert.are.equal("stream", err.phase)
      assert.are.equal(code, err.code)
      assert.are.equal(5, #err.attempts)
      assert.are.equal(5, #talk.sim:journal())
    end)

    it(code .. " is so after delays that grow, under a limit too", function()
      for _, limit in ipairs { false, { concurrency = 1 } } do
        local outcome = tries.stream({ always = step }, {
          limit = limit or nil, retry = { initial_delay = 0.1, jitter = 0, attempts = 4 },
        })
        local delays, least = {}, 0
        for index, attempt in ipairs(last_of(outcome.reply).attempts) do
          delays[index], least = attempt.delay, math.min(least, attempt.seconds)
        end
        assert.are.same({ 0.1, 0.2, 0.4 }, delays)
        assert.are.equal(0, least)
      end
    end)

    it(code .. " is so under a limit, whose turns come back", function()
      local outcome = tries.chat({ step }, {
        limit = { concurrency = 1 }, on_text = function() end,
      })
      assert.are.equal("Hi", outcome.reply:text())
      assert.are.equal(2, #outcome.sent)
    end)
  end
end)

describe("a stream that has begun", function()
  local faults = {
    ["is cut after an event"] = { { cut_pieces = 1 }, "connection" },
    ["ends too early"] = {
      { cut_pieces = 1, chunked = false, content_length = false }, "stream_truncated" },
    ["is reset"] = { { cut_pieces = 2, ending = "reset" }, "connection" },
    ["is cut before any event"] = { { cut = 1 }, "connection" },
    ["stalls"] = { { cut_pieces = 1, ending = "stall" }, "timeout", { idle_timeout = 0.04 } },
    ["holds an error"] = { { mid_error = "A" }, "stream_error" },
    ["holds an error first that is final"] = {
      { events = { '{"error":{"message":"no","code":400}}' } }, "stream_error" },
    ["holds an error that may pass, behind a chunk"] = { { mid_error = { "A", after = 1,
      status = 429 } }, "stream_error" },
    ["holds what is no JSON"] = { { events = { "{" } }, "invalid_response" },
  }
  for name, case in pairs(faults) do
    it("and " .. name .. " is not tried again", function()
      local outcome = tries.stream({ case[1] }, case[3])
      assert.is_truthy(outcome.reply)
      assert.are.equal(case[2], last_of(outcome.reply).kind)
      assert.are.equal(1, #talk.sim:journal())
      assert.are.equal(0, #outcome.waits)
    end)

    it("and " .. name .. " ends a chat with on_text", function()
      local options = { on_text = function() end }
      for option, value in pairs(case[3] or {}) do options[option] = value end
      local outcome = tries.chat({ case[1] }, options)
      assert.are.equal(case[2], outcome.err.kind)
      assert.are.equal(1, #outcome.sent)
    end)
  end

  for name, case in pairs(faults) do
    it("and " .. name .. " tells the attempts that it took", function()
      local outcome = tries.stream({ { status = 503 }, case[1] }, case[3])
      local err = last_of(outcome.reply)
      assert.are.equal(case[2], err.kind)
      assert.are.equal(2, #err.attempts)
      assert.are.equal(503, err.attempts[1].error.status)
      assert.are.equal(outcome.waits[1], err.attempts[1].delay)
    end)
  end

  it("and is cancelled tells the attempts that it took", function()
    local stream = tries.stream({ { status = 503 }, { pace = 0.05 } }).reply
    stream:cancel()
    assert.are.equal(2, #last_of(stream).attempts)
  end)

  it("outlives attempt_timeout", function()
    local outcome = tries.stream({ { pace = 0.02 } }, { attempt_timeout = 0.05 },
      talk.request { message = "one two three four five six" })
    assert.are.equal("one two three four five six", outcome.reply:reply():text())
  end)

  it("does not outlive the deadline", function()
    local outcome = tries.stream({ { pace = 0.05 } }, { deadline = 0.08 },
      talk.request { message = "one two three four five six" })
    local err = last_of(outcome.reply)
    assert.are.equal("deadline", err.reason)
    assert.are.equal("stream", err.phase)
    assert.are.equal(1, #talk.sim:journal())
  end)
end)
