-- A thousand streams in one thread, and nothing left behind.

local novita = require("novita")

local http2 = require("spec.support.http2")
local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local COUNT = 1000
local PACE = 0.3 -- seconds between the events, so that all streams are open at once
local SPREAD = 6000 -- KiB that the allocator may still add in the third round: 6 a stream
local KEPT = 1000 -- KiB of 200 cancelled streams, of which libcurl may keep 100 each
local CHECKED = os.getenv("NOVITA_SPEC_SLOWNESS") -- checkers of memory keep what is freed

local sim = simulator.shared()

-- Reads COUNT streams, each in a task; returns how many were whole.
local function read_all(client)
  local whole = 0
  for number = 1, COUNT do
    novita.spawn(function()
      local stream = assert(client:stream { model = "m", message = tostring(number) })
      local reply = assert(stream:reply())
      if reply:text() == "one two" then whole = whole + 1 end
    end)
  end
  novita.run()
  return whole
end

-- Before the others, which leave so much free memory that a leak would not show.
describe("streams that are cancelled while others use their connection", function()
  local front
  setup(function() front = http2.start() end)
  teardown(function() if front then front:stop() end end)
  before_each(function() sim:reset() end)
  after_each(function() sim:reset() end)

  -- Cancels a hundred streams of 150 KB, ten at a time, where they are paused.
  local function cancel_many(client)
    for _ = 1, 10 do
      novita.spawn(function()
        for _ = 1, 10 do
          local stream = assert(client:stream(streaming.request))
          for _ = 1, 20 do assert(stream:next_text()) end
          stream:cancel()
        end
      end)
    end
    novita.run()
    collectgarbage()
    collectgarbage()
  end

  it("leave no memory behind", function()
    if not front then pending(http2.MISSING) return end
    local client, events = http2.client(front), {}
    for number = 1, 150 do events[number] = streaming.chunk(("y"):rep(1000)) end
    sim:always { events = events }
    cancel_many(client)
    local before = streaming.memory()
    for _ = 1, 2 do cancel_many(client) end
    if before then assert.is_true(streaming.memory() - before < KEPT) end
  end)
end)

describe("a thousand streams at once", function()
  before_each(function() sim:reset() end)

  it("are whole, and leave neither descriptors nor memory behind", function()
    local client = streaming.client()
    local two = { events = {
      streaming.chunk("one "), streaming.chunk("two"), streaming.finish("stop") }, pace = PACE }
    sim:always(two)
    poll.pool():close()
    local open, memory = streaming.descriptors(), nil
    for round = 1, 3 do
      assert.equal(COUNT, read_all(client))
      assert.is_true(sim:stats().most_active > 0.9 * COUNT)
      collectgarbage()
      collectgarbage()
      local now = streaming.memory()
      if round == 3 and now and not CHECKED then assert.is_true(now - memory < SPREAD) end
      memory = now
    end
    poll.pool():close()
    assert.equal(open, streaming.descriptors())
  end)
end)
