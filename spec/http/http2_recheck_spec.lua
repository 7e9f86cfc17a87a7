-- Responses that share a connection all arrive whole, and soon. Without http2_recheck.c about one
-- round in ten stops here with libcurl 7.88, its last bytes inside libcurl.

local http2 = require("spec.support.http2")
local novita = require("novita")
local simulator = require("spec.support.simulator_client")

-- A server for 800 calls: nghttpx closes a connection on which more than 1,000 streams were reset,
-- as libcurl does to some that have sent all but their last frame.
local SERVERS, ROUNDS, TASKS, CALLS = 10, 4, 10, 20
local TEXT = ("0123456789"):rep(5000)

-- How many of the downloads from one server arrived whole.
local function whole(client, id)
  local count = 0
  for _ = 1, ROUNDS do
    for _ = 1, TASKS do
      novita.spawn(function()
        for _ = 1, CALLS do
          local text = assert(client.files:content(id))
          count = count + (text == TEXT and 1 or 0)
        end
      end)
    end
    novita.run()
  end
  return count
end

describe("responses over one HTTP/2 connection", function()
  local front
  after_each(function() if front then front:stop() end end)

  it("never stop where the server has sent all", function()
    for _ = 1, SERVERS do
      if front then front:stop() end
      front = http2.start()
      if not front then pending(http2.MISSING) return end
      simulator.shared():reset()
      local client = http2.client(front, { idle_timeout = 5, first_byte_timeout = 5 })
      local id = assert(client.files:upload { bytes = TEXT }).id
      assert.are.equal(ROUNDS * TASKS * CALLS, whole(client, id))
    end
  end)
end)
