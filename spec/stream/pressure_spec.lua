-- Back-pressure, and time that is nobody's fault: a consumer that does not read, a program that is
-- busy elsewhere.

local socket = require("socket")

local novita = require("novita")

local memory = require("spec.support.memory")
local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local LIMIT = 0.4 -- seconds; a server on a busy machine may be silent for a while

local sim

-- Opens ten streams with long prompts and reads the first text of each.
local LONG_PROMPTS = [[
  local prompt, streams = ("x"):rep(2 ^ 22), {}
  for index = 1, 10 do
    streams[index] = assert(client:stream { model = "simulator/count-3000", message = prompt })
    assert(streams[index]:next_text())
  end
]]

-- Longer than that, in which the loop goes on.
local function be_slow()
  for _ = 1, 4 do poll.sleep(LIMIT / 3) end
end

-- A stream of all numbers up to count, as fast as the server can.
local function counting(count, step, options)
  return streaming.open(step, options, { model = "simulator/count-" .. count, message = "" })
end

local function numbers(count)
  local words = {}
  for number = 1, count do words[number] = tostring(number) end
  return table.concat(words, " ")
end

describe("a consumer that does not read", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("makes the server wait, takes no memory, and misses nothing", function()
    local count = 30000
    local stream = counting(count)
    stream:next()
    local texts = { stream.said }
    collectgarbage()
    local before = streaming.memory()
    for _ = 1, 6 do poll.sleep(0.03) end
    if before then assert.is_true(streaming.memory() - before < 1024) end
    for text in stream:text() do texts[#texts + 1] = text end
    assert.equal(numbers(count), table.concat(texts))
    assert.is_true(streaming.entry().complete)
  end)

  it("does not hold the requests", function()
    memory.check("ten open streams with prompts of 4 MiB", memory.of(LONG_PROMPTS, sim.url), 24)
  end)

  it("can leave, and most was never sent", function()
    local stream = counting(80000)
    stream:next()
    for _ = 1, 4 do poll.sleep(0.03) end
    stream:cancel()
    assert.is_true(streaming.entry().sent < 12e6)
    streaming.succeeds()
  end)

  it("does not hold up others", function()
    local slow = counting(5000)
    slow:next()
    for _ = 1, 3 do assert.equal(numbers(2000), assert(counting(2000):reply()):text()) end
    assert.equal(numbers(5000), assert(slow:reply()):text())
  end)

  it("is not told that the server was silent", function()
    local stream = counting(3000, nil, { idle_timeout = LIMIT })
    stream:next()
    be_slow()
    assert.equal(numbers(3000), assert(stream:reply()):text())
  end)

  it("is told so when it is true afterwards", function()
    local events = {}
    for number = 1, 1000 do events[number] = streaming.chunk(("%99d "):format(number)) end
    local stream = streaming.open(streaming.silent(events), { idle_timeout = LIMIT })
    stream:next()
    be_slow()
    local _, err = streaming.drain(stream)
    assert.equal("idle", err.reason)
    assert.equal(100 * 1000, #err.partial:text())
  end)

  it("is still bound by the deadline", function()
    local stream = counting(3000, nil, { deadline = LIMIT })
    stream:next()
    be_slow()
    assert.equal("deadline", select(2, streaming.drain(stream)).reason)
  end)

  it("may never come back", function()
    local stream = counting(80000)
    stream:next()
    poll.sleep(0.02)
    stream = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.is_true(streaming.entry().aborted)
    streaming.succeeds()
  end)
end)

describe("a program that is busy elsewhere", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  -- As long, without a look at the sockets.
  local function be_busy()
    for _ = 1, 4 do socket.sleep(LIMIT / 3) end
  end

  it("finds the bytes that came meanwhile", function()
    local stream = streaming.open({ pace = 0.002 }, { idle_timeout = LIMIT })
    stream:next()
    be_busy()
    assert.is_truthy(stream:reply())
  end)

  it("finds the connection made and the answer there", function()
    local reply
    local client = streaming.client { connect_timeout = LIMIT, first_byte_timeout = LIMIT }
    local task = novita.spawn(function() reply = client:chat(streaming.request) end)
    be_busy()
    task:wait()
    assert.is_truthy(reply)
  end)

  it("does not fail a stream by starting another call", function()
    local stream = streaming.open({ pace = 0.002 }, { idle_timeout = LIMIT })
    stream:next()
    be_busy()
    streaming.succeeds()
    assert.is_truthy(stream:reply())
  end)
end)
