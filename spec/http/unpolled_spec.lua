-- Time in which this process did not look: stopped, blocked, or done with a stream.

local novita = require("novita")
local socket = require("socket")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")
local wire = require("spec.support.wire")

local CALLS = 200

describe("a process that was away", function()
  local sim

  setup(function() sim = simulator.shared() end)
  before_each(function()
    poll.pool():close()
    sim:reset()
  end)

  it("stopped takes the answer that came meanwhile", function()
    sim:always { delay = 0.3 }
    local output = wire.run [[
      os.execute("(sleep 0.1; kill -STOP $PPID; sleep 0.7; kill -CONT $PPID) >/dev/null 2>&1 &")
      local reply, err = chat { first_byte_timeout = 0.6 }
      io.write(tostring(reply and "answered" or err))
    ]]
    assert.equal("answered", output)
  end)

  it("blocked takes all the answers that came meanwhile", function()
    sim:always { delay = 0.5 }
    local client, errors = streaming.client { first_byte_timeout = 1.5 }, {}
    for _ = 1, CALLS do
      novita.spawn(function()
        local reply, err = client:chat(streaming.request)
        if not reply then errors[#errors + 1] = tostring(err) end
      end)
    end
    novita.spawn(function()
      assert(sim:wait_for(function()
        poll.pool():poll(0.01)
        return sim:stats().requests == CALLS
      end))
      socket.sleep(2)
    end)
    novita.run()
    assert.same({}, errors)
  end)

  -- It is stopped at 0.2 s until 1.7 s; the answer comes 0.3 s later.
  local STOP = [[
    os.execute("(sleep 0.2; kill -STOP $PPID; sleep 1.5; kill -CONT $PPID) >/dev/null 2>&1 &")
  ]]

  it("stopped for longer than its patience still has what was left of it", function()
    sim:always { delay = 2 }
    local output = wire.run(STOP .. [[
      local reply, err = chat { first_byte_timeout = 1.5 }
      io.write(tostring(reply and "answered" or err))
    ]])
    assert.equal("answered", output)
  end)

  it("stopped waits no longer than its patience afterwards, and not past its deadline", function()
    sim:always { delay = 30 }
    for reason, options in pairs {
      first_byte = "{ first_byte_timeout = 1 }", deadline = "{ deadline = 1 }",
    } do
      local seconds = streaming.took(function()
        local output = wire.run(STOP .. ("io.write(select(2, chat(%s)).reason)"):format(options))
        assert.equal(reason, output)
      end)
      assert.is_true(seconds < 3 + streaming.slack, seconds)
    end
  end)

  it("blocked in a stream still has what was left for the next byte", function()
    sim:script { { cut_pieces = 2, ending = "stall", stall = 2 } }
    local stream = assert(streaming.client({ idle_timeout = 1.2 }):stream(streaming.request))
    stream:next()
    socket.sleep(1.6)
    assert.is_truthy(stream:reply())
  end)

  it("blocked while it connects still has what was left for that", function()
    local client = streaming.client {
      base_url = sim.tls_url, ca_file = sim.ca_file, connect_timeout = 1.2,
    }
    sim:connections { { delay = 1.8 } }
    local task = novita.spawn(function() return client:chat(streaming.request) end)
    socket.sleep(1.6)
    local _, reply, err = task:join()
    assert.is_truthy(reply, tostring(err))
  end)

  -- Else a server that is silent for ever would be waited for as long.
  it("often, for a moment each time, gives up on a silent server all the same", function()
    sim:script { { delay = 30 } }
    local client, reply, err = streaming.client { first_byte_timeout = 0.4 }, nil, nil
    local task = novita.spawn(function() reply, err = client:chat(streaming.request) end)
    local looks = 0
    while not task.done do
      socket.sleep(0.3)
      poll.sleep(0)
      looks = looks + 1
    end
    assert.is_nil(reply)
    assert.equal("first_byte", err.reason)
    assert.is_true(looks > 2 and looks < 8, looks)
  end)

  for _, ending in ipairs { "with", "without" } do
    it("lets go of a stream that is over, " .. ending .. " reading past its end", function()
      sim:script { { final_chunk = false, ending = "stall" } }
      local stream = assert(streaming.client():stream(streaming.request))
      local count = 0
      for _ in stream:chunks() do count = count + 1 end
      assert.is_true(count > 1)
      if ending == "with" then assert.is_nil(stream:next()) end
      assert.is_truthy(sim:wait_for(function(entries) return entries[1].client_closed end, 1))
    end)
  end

  it("keeps the connection of a stream whose last bytes come a moment later", function()
    sim:script { { split = 1000, pause = 0.002 } }
    local client = streaming.client()
    assert(assert(client:stream(streaming.request)):reply())
    local _, info = assert(client:chat(streaming.request))
    assert.is_true(info.reused)
  end)
end)
