-- A thousand streams in one thread, and nothing left behind.

local novita = require("novita")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local COUNT = 1000
local PACE = 0.3 -- seconds between the events, so that all streams are open at once
local SPREAD = 6000 -- KiB that the allocator may still add in the third round: 6 a stream
local CHECKED = os.getenv("NOVITA_SPEC_SLOWNESS") -- checkers of memory keep what is freed

local sim

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

describe("a thousand streams at once", function()
  setup(function() sim = simulator.shared() end)
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
