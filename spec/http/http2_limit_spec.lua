-- Connections over which streams share: few, but as many as the server needs.

local http2 = require("spec.support.http2")
local novita = require("novita")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local CALLS, SECONDS = 20, 2 * (tonumber(os.getenv("NOVITA_SPEC_SLOWNESS")) or 1)

describe("over HTTP/2", function()
  local front
  after_each(function() if front then front:stop() end end)

  -- A server for so many requests, or streams, a connection; and a client of it, one of whose
  -- streams goes on.
  local function start(options)
    front = http2.start(options)
    if not front then return nil end
    local sim = simulator.shared()
    sim:reset()
    sim:script { streaming.silent { streaming.chunk("a") } }
    local client = http2.client(front, { connect_timeout = SECONDS })
    local stream = assert(client:stream(streaming.request))
    assert.are.equal("a", stream:next_text())
    return client, stream
  end

  it("calls go on where a server closes a connection that a stream still uses", function()
    local client, stream = start("--frontend-max-requests=5")
    if not client then pending(http2.MISSING) return end
    for _ = 1, CALLS do
      local _, info = assert(client:chat(streaming.request))
      assert.are.equal("2", info.http_version)
    end
    stream:cancel()
  end)

  it("calls beyond the streams that a connection may have get others", function()
    local client, stream = start("--frontend-http2-max-concurrent-streams=2")
    if not client then pending(http2.MISSING) return end
    simulator.shared():always { delay = SECONDS / 4 }
    for _ = 1, 8 do
      novita.spawn(function() assert(client:chat(streaming.request)) end)
    end
    novita.run()
    simulator.shared():reset()
    stream:cancel()
  end)
end)
