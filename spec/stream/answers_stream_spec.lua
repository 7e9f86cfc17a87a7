-- What doc/answers.md says beside its tables: which choice is the first, how long a stream is
-- waited for behind its last finish reason, cuts, and attempts.

local core = require("novita.core")
local novita = require("novita")

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")
local talk = require("spec.support.client")

local sim = simulator.shared()

local function part(index, text, reason)
  return assert(core.encode { choices = { { index = index, delta = { content = text },
    finish_reason = reason } } })
end

local function texts_of(stream)
  local texts = {}
  for text in stream:text() do texts[#texts + 1] = text end
  return table.concat(texts)
end

describe("the first choice of a stream", function()
  before_each(function() sim:reset() end)

  local function check(n, wanted, events)
    local request = { model = streaming.model, message = "Hi", n = n }
    local stream = streaming.open({ events = events }, nil, request)
    assert.equal(wanted, texts_of(stream))
    assert.equal(wanted, stream:reply():text())
    sim:script { { events = events } }
    local texts = {}
    local reply = assert(streaming.client():chat(request, {
      on_text = function(text) texts[#texts + 1] = text end,
    }))
    assert.equal(wanted, table.concat(texts))
    assert.equal(wanted, reply:text())
    sim:script { { events = events } }
    local told, done = {}, nil
    novita.new { base_url = sim.url, api_key = "sk_spec" }:start(request, {
      on_text = function(text) told[#told + 1] = text end,
      on_done = function(answer) done = answer end,
    })
    novita.run()
    assert.equal(wanted, table.concat(told))
    assert.equal(wanted, done:text())
  end

  it("has index 0 where several were asked for, whichever speaks first", function()
    check(2, "ab", { part(1, "x"), part(0, "a"), part(1, "y", "stop"), part(0, "b", "stop") })
  end)

  it("has the lowest index where several were asked for and none has index 0", function()
    check(2, "ab", { part(2, "x"), part(1, "a"), part(2, "y", "stop"), part(1, "b", "stop") })
  end)

  it("is the one that speaks first where one was asked for", function()
    check(nil, "ab", { part(1, "a"), part(0, "x"), part(1, "b", "stop"), part(0, "y", "stop") })
  end)

  it("is given at once where one was asked for", function()
    local stream = streaming.open(streaming.silent { part(3, "a") })
    assert.is_table(stream:next())
    assert.equal("a", stream.said)
    stream:cancel()
  end)
end)

describe("a stream that goes on behind its finish reasons", function()
  local stream = require("novita.stream")
  local patience = stream.patience

  before_each(function()
    sim:reset()
    stream.patience = 0.15
  end)
  after_each(function() stream.patience = patience end)

  -- The event, then a heartbeat every 20 ms, 10 s long.
  local function beats(first, heartbeat)
    local events = { first }
    for index = 2, 500 do events[index] = heartbeat end
    return { events = events, pace = 0.02, done = false }
  end

  local function ends_well(step, options)
    local reply
    local seconds = streaming.took(function() reply = streaming.succeeds(step, options) end)
    assert.equal("Hi", reply:text())
    assert.is_nil(reply.incomplete)
    assert.is_true(seconds < 0.15 + streaming.slack)
    return seconds
  end

  it("is waited for less than 5 s", function()
    assert.is_true(patience < 5 and patience > 1)
  end)

  it("ends well when nothing more comes", function()
    assert.is_true(ends_well(streaming.silent { streaming.chunk("Hi", "stop") }) >= 0.14)
  end)

  it("ends well while comments come", function()
    ends_well(beats(streaming.chunk("Hi", "stop"), { raw = ": alive\n\n" }))
  end)

  it("ends well while empty chunks come", function()
    ends_well(beats(streaming.chunk("Hi", "stop"), '{"choices":[]}'))
  end)

  it("ends well when its silence is a time-out sooner", function()
    ends_well(streaming.silent { streaming.chunk("Hi", "stop") }, { idle_timeout = 0.05 })
    ends_well(streaming.silent { streaming.chunk("Hi", "stop") }, { deadline = 0.08 })
  end)

  it("has its usage if that comes in time", function()
    local reply = streaming.succeeds { pace = 0.05, events = { streaming.chunk("Hi", "stop"),
      '{"choices":[],"usage":{"total_tokens":9}}' } }
    assert.equal(9, reply.usage.total_tokens)
  end)

  it("is not given up for the caller's own time", function()
    local slow = streaming.open { events = { streaming.chunk("Hi", "stop"),
      '{"choices":[],"usage":{"total_tokens":9}}' } }
    slow:next()
    local stop = core.now() + 0.2
    while core.now() < stop do end -- luacheck: ignore
    assert.equal(9, slow:reply().usage.total_tokens)
  end)

  it("is waited for as long as it may take while a choice has not begun", function()
    local events = { part(0, "Hi", "stop") }
    for index = 2, 13 do events[index] = { raw = ": alive\n\n" } end
    events[14] = part(1, "x", "stop")
    local reply = streaming.succeeds({ events = events, pace = 0.02 }, nil,
      { model = streaming.model, message = "Hi", n = 2 })
    assert.equal("x", reply.choices[2].message.content)
  end)

  it("is waited for as long as it may take while a choice is open", function()
    local step = beats(part(0, "Hi", "stop"), { raw = ": alive\n\n" })
    step.events[2] = part(1, "x")
    for index = 14, #step.events do step.events[index] = nil end
    assert.equal("stream_truncated", streaming.fails(step).kind)
  end)
end)

describe("a stream cut at any byte", function()
  it("never looks whole", function()
    local events = {
      '{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"}]}}]}',
      '{"choices":[{"index":0,"delta":{"content":7},"finish_reason":"stop"}]}',
    }
    local whole = ("data: %s\n\ndata: %s\n\n"):format(events[1], events[2])
    for cut = 0, #whole - 2 do
      sim:reset()
      local err = streaming.fails { body = whole:sub(1, cut), content_type = "text/event-stream" }
      assert.equal("stream_truncated", err.kind)
    end
    for cut = 1, 100, 3 do
      sim:reset()
      local body = talk.completion('[{"type":"text","text":"a"}]'):sub(1, cut)
      local err = streaming.fails { body = body, content_type = "text/event-stream" }
      assert.equal("invalid_response", err.kind)
    end
  end)
end)
