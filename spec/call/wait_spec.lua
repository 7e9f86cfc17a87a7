-- How long a call waits between its attempts (behaviour 4, 5), over sockets.

local clock = require("spec.support.clock")
local tries = require("spec.support.attempts")

-- Half a minute after the simulator's Date in each form; what it is on our clock does not matter.
local DATE = "Sun, 06 Nov 1994 08:49:07 GMT"

-- One failure with these headers, then an answer.
local function after(headers, status, options)
  return tries.chat({ { status = status or 503, headers = headers } }, options)
end

local function total(waits)
  local sum = 0
  for _, seconds in ipairs(waits) do sum = sum + seconds end
  return sum
end

-- The wait is at least what the server said, and at most a tenth longer.
local function waits_for(seconds, headers, status)
  local outcome = after(headers, status)
  assert.is_truthy(outcome.reply, tostring(outcome.err))
  assert.are.equal(2, #outcome.sent)
  assert.is_true(outcome.waits[1] >= seconds and outcome.waits[1] <= 1.1 * seconds,
    ("%g s for %g s"):format(outcome.waits[1], seconds))
  assert.is_true(total(outcome.waits) <= 1.1 * seconds + 0.1)
end

describe("a call waits as long as the server says", function()
  local told = {
    { 3, { ["Retry-After"] = "3" } },
    { 3, { ["retry-after"] = " 3 " } },
    { 2.5, { ["Retry-After"] = "2.5" } },
    { 0.25, { ["Retry-After"] = "0.25" } },
    { 120, { ["Retry-After"] = "120" } },
    { 1.5, { ["retry-after-ms"] = "1500" } },
    { 0.5, { ["retry-after-ms"] = "500", ["Retry-After"] = "7" } },
    { 7, { ["retry-after-ms"] = "soon", ["Retry-After"] = "7" } },
    { 0, { ["Retry-After"] = "0" } },
    { 4, { ["Retry-After"] = "3, 4" } },
    { 30, { Date = DATE, ["Retry-After"] = "Sun, 06 Nov 1994 08:49:37 GMT" } },
    { 30, { Date = DATE, ["Retry-After"] = "Sunday, 06-Nov-94 08:49:37 GMT" } },
    { 30, { Date = DATE, ["Retry-After"] = "Sun Nov  6 08:49:37 1994" } },
    { 30, { Date = "Fri, 06 Nov 2099 08:49:07 GMT",
      ["Retry-After"] = "Fri, 06 Nov 2099 08:49:37 GMT" } },
  }
  for _, case in ipairs(told) do
    local name = case[2]["retry-after-ms"] or ""
    it(("after %s %s"):format(case[2]["Retry-After"] or case[2]["retry-after"] or "", name),
      function() waits_for(case[1], case[2]) end)
  end

  for _, status in ipairs { 408, 409, 429, 500, 502, 504 } do
    it("under status " .. status, function()
      waits_for(20, { ["Retry-After"] = "20" }, status)
    end)
  end

  it("by a date on our own clock, where the answer has none", function()
    local soon = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 40)
    local outcome = tries.chat { {
      status = 503, body = "{}", headers_only = true,
      headers = { ["Retry-After"] = soon, ["Content-Length"] = "2" },
    } }
    assert.is_true(outcome.waits[1] >= 35 and outcome.waits[1] <= 44, tostring(outcome.waits[1]))
  end)

  it("also where x-should-retry has made it try again", function()
    waits_for(9, { ["Retry-After"] = "9", ["x-should-retry"] = "true" }, 400)
  end)
end)

describe("a call waits by itself after", function()
  local ignored = {
    "-5", "-0.5", "0x10", "1e3", "inf", "infinity", "nan", "1,5", "+3", "5 seconds", "soon",
    ".5", "5.", "", "Sun, 06 Nov 1994", "Sun, 32 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 CET",
    DATE, -- now
    "Sat, 05 Nov 1994 08:49:37 GMT", -- the past
  }
  for _, value in ipairs(ignored) do
    it(("Retry-After: %s"):format(value), function()
      local outcome = after { Date = DATE, ["Retry-After"] = value }
      assert.is_truthy(outcome.reply)
      assert.are.equal(1, #outcome.waits)
      assert.is_true(outcome.waits[1] >= 0.75 and outcome.waits[1] <= 1)
    end)
  end

  for _, value in ipairs { "-1", "0x100", "1e4", "nan", "inf", "1,5", "" } do
    it(("retry-after-ms: %s"):format(value), function()
      local outcome = after { ["retry-after-ms"] = value }
      assert.is_true(outcome.waits[1] >= 0.75 and outcome.waits[1] <= 1)
    end)
  end

  it("a Retry-After that stood in an interim response", function()
    local outcome = tries.chat { {
      status = 503, interim = { "HTTP/1.1 103 Early Hints\r\nRetry-After: 50\r\n\r\n" },
    } }
    assert.is_truthy(outcome.reply)
    assert.is_true(outcome.waits[1] <= 1)
  end)
end)

describe("a wait that is too long", function()
  local long = {
    ["seconds"] = { ["Retry-After"] = "121" },
    ["milliseconds"] = { ["retry-after-ms"] = "120001" },
    ["a date"] = { Date = DATE, ["Retry-After"] = "Sun, 06 Nov 1994 08:59:37 GMT" },
    ["digits beyond all measure"] = { ["Retry-After"] = ("9"):rep(400) },
    ["x-should-retry beside it"] = { ["Retry-After"] = "3600", ["x-should-retry"] = "true" },
  }
  for name, headers in pairs(long) do
    it("ends the call at once: " .. name, function()
      local outcome = after(headers, 429)
      assert.are.equal("rate_limit", outcome.err.kind)
      assert.is_true(outcome.err.retry_after > 120)
      assert.are.equal(1, #outcome.sent)
      assert.are.equal(0, #outcome.waits)
      assert.are.equal(1, #outcome.err.attempts)
    end)
  end

  it("is told with other failures as well", function()
    local outcome = after({ ["Retry-After"] = "600" }, 503)
    assert.are.equal(600, outcome.err.retry_after)
  end)

  it("is a matter of max_retry_after", function()
    local options = { retry = { max_retry_after = 700 } }
    assert.is_true(after({ ["Retry-After"] = "600" }, 503, options).waits[1] >= 600)
    options = { retry = { max_retry_after = 5 } }
    assert.are.equal(6, after({ ["Retry-After"] = "6" }, 503, options).err.retry_after)
  end)

  it("does not hide an error that is not tried again", function()
    local outcome = after({ ["Retry-After"] = "5" }, 404)
    assert.are.equal("not_found", outcome.err.kind)
    assert.are.equal(0, #outcome.waits)
  end)
end)

describe("the deadline", function()
  it("ends the call where a wait would cross it", function()
    local started = clock.skipping().now()
    local outcome = after({ ["Retry-After"] = "10" }, 503, { deadline = 9 })
    assert.are.equal("server", outcome.err.kind)
    assert.are.equal(10, outcome.err.retry_after)
    assert.are.equal(1, #outcome.sent)
    assert.are.equal(0, #outcome.waits)
    assert.is_true(clock.skipping().now() - started < 1)
  end)

  it("lets a wait be that it does not cross", function()
    local outcome = after({ ["Retry-After"] = "10" }, 503, { deadline = 12 })
    assert.is_truthy(outcome.reply)
  end)

  it("counts the attempts and the waits together", function()
    local outcome = tries.chat({ always = { status = 503 } }, { deadline = 5 })
    assert.are.equal("server", outcome.err.kind)
    assert.are.equal(3, #outcome.sent) -- after 1 and 2 s, less jitter; 4 would be too many
    assert.is_true(total(outcome.waits) < 5)
  end)

  it("stops an attempt that is under way, and is named whole", function()
    local outcome = tries.chat({ { status = 503 }, { delay = 0.4 } },
      { deadline = 0.08, retry = { initial_delay = 0.04, jitter = 0 } })
    assert.are.equal("timeout", outcome.err.kind)
    assert.are.equal("deadline", outcome.err.reason)
    assert.are.equal("the deadline of 0.08 s has passed", outcome.err.message)
    assert.are.equal(2, #outcome.sent)
    assert.are.equal(2, #outcome.err.attempts)
  end)

  it("that passes in a wait sends nothing more, and the server's error is the call's", function()
    local loop = clock.skipping()
    local slow = setmetatable({
      sleep = function(seconds) return loop.sleep(seconds + 5) end,
    }, { __index = loop })
    local outcome = tries.chat({ { status = 503 } }, { deadline = 2, loop = slow })
    assert.are.equal("server", outcome.err.kind)
    assert.are.equal(1, #outcome.sent)
    assert.are.equal(1, #outcome.err.attempts)
  end)
end)

describe("the waits of one call after another", function()
  it("differ, so that clients don't come back together", function()
    local seen, different = {}, 0
    for _ = 1, 8 do
      local wait = tostring(tries.chat({ { status = 503 } }).waits[1])
      if not seen[wait] then different = different + 1 end
      seen[wait] = true
    end
    assert.is_true(different >= 7)
  end)

  it("grow by the factor, up to the longest", function()
    local outcome = tries.chat({ always = { status = 500 } }, {
      retry = { attempts = 7, initial_delay = 0.5, factor = 3, max_delay = 10, jitter = 0 },
    })
    assert.are.same({ 0.5, 1.5, 4.5, 10, 10, 10 }, outcome.waits)
  end)
end)
