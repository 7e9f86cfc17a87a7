-- HTTP/2: many calls on one connection, none of which disturbs another.

local novita = require("novita")

local http2 = require("spec.support.http2")
local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local chunk = streaming.chunk
local front = http2.start()
local sim, client

if not front then pending(http2.MISSING) return end

-- Opens so many streams, each in its own task; returns them and how many connections they made.
local function open_streams(count, request)
  local streams, connections = {}, 0
  for number = 1, count do
    novita.spawn(function()
      local stream = assert(client:stream(request or streaming.request))
      streams[number] = stream
      if not stream.info.reused then connections = connections + 1 end
    end)
  end
  novita.run()
  return streams, connections
end

describe("HTTP/2", function()
  setup(function() sim = simulator.shared() end)
  teardown(function() front:stop() end)
  before_each(function()
    sim:reset()
    poll.pool():close()
    client = http2.client(front)
  end)

  it("is spoken where the server offers it", function()
    local reply, info = client:chat(streaming.request)
    assert.equal("stop", assert(reply, info).choices[1].finish_reason)
    assert.equal("2", info.http_version)
    assert.equal("application/json", info.headers["content-type"])
    assert.equal("2", client:stream(streaming.request).info.http_version)
  end)

  it("carries fifty calls at once on one connection", function()
    sim:always { delay = 0.3 }
    poll.pool() -- has descriptors of its own
    local before = streaming.descriptors()
    local connections, during = 0, nil
    for _ = 1, 50 do
      novita.spawn(function()
        local _, info = assert(client:chat(streaming.request))
        during = during or streaming.descriptors()
        if not info.reused then connections = connections + 1 end
      end)
    end
    novita.run()
    assert.equal(1, connections)
    assert.equal(50, sim:stats().most_active)
    if before then assert.equal(before + 1, during) end
  end)

  it("carries fifty streams at once, each whole", function()
    sim:always { pace = 0.002 }
    local streams, connections = open_streams(50)
    for _, stream in ipairs(streams) do
      local reply = assert(stream:reply())
      assert.equal("stop", reply.choices[1].finish_reason)
    end
    assert.equal(1, connections)
  end)

  it("gives events as they come", function()
    sim:script { streaming.silent { chunk("a") } }
    local stream = assert(http2.client(front, { idle_timeout = 0.1 }):stream(streaming.request))
    assert.equal("a", stream:next().choices[1].delta.content)
    assert.equal("idle", select(2, stream:next()).reason)
    assert.is_truthy(client:chat(streaming.request))
  end)

  it("leaves the other streams when one is cancelled", function()
    sim:always { pace = 0.005 }
    local streams, connections = open_streams(5)
    for _, stream in ipairs(streams) do stream:next() end
    streams[3]:cancel()
    for number, stream in ipairs(streams) do
      local reply, err = stream:reply()
      assert.equal(number == 3 and "cancelled" or nil, not reply and err.kind or nil)
    end
    assert.equal(1, connections)
    local aborted = sim:wait_for(function(entries)
      local count = 0
      for _, entry in ipairs(entries) do count = count + (entry.aborted and 1 or 0) end
      return count > 0 and count
    end)
    assert.equal(1, aborted)
    local _, info = assert(client:chat(streaming.request))
    assert.is_true(info.reused)
  end)

  it("leaves the other streams when one is collected", function()
    sim:always { pace = 0.005 }
    local streams = open_streams(3)
    for _, stream in ipairs(streams) do stream:next() end
    streams[2] = false
    collectgarbage()
    collectgarbage()
    assert(streams[1]:reply())
    assert(streams[3]:reply())
  end)

  it("does not hold up others when one is not read", function()
    local slow = assert(client:stream { model = "simulator/count-20000", message = "" })
    slow:next()
    poll.sleep(0.03)
    for _ = 1, 10 do
      local stream = assert(client:stream { model = "simulator/count-500", message = "" })
      assert.equal("500", assert(stream:reply()):text():match("%d+$"))
      assert.is_true(stream.info.reused)
    end
    local reply = assert(slow:reply())
    assert.equal("20000", reply:text():match("%d+$"))
  end)

  it("says what broke one stream, and goes on", function()
    sim:script { { cut_pieces = 3, ending = "reset", pace = 0.005 } }
    local stream = assert(client:stream(streaming.request))
    local _, err = streaming.drain(stream)
    assert.equal("connection", err.kind)
    assert.equal("reset", err.reason)
    assert.equal("You", err.partial:text():sub(1, 3))
    assert.is_truthy(client:chat(streaming.request))
  end)

  it("carries errors", function()
    sim:script { { status = 401 } }
    local reply, err = client:chat(streaming.request)
    assert.is_nil(reply)
    assert.equal("authentication", err.kind)
    assert.equal(401, err.status)
  end)
end)
