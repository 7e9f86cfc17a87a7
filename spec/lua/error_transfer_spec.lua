-- The error of a transfer that is cancelled while the body of an error arrives.

local core = require("novita.core")
local socket = require("socket")

local talk = require("spec.support.client")

describe("a transfer that is cancelled", function()
  it("is cancelled also while the body of an error arrives", function()
    talk.sim:reset()
    talk.sim:script { { status = 500, body = '{"message":"m"}', cut = 5, ending = "stall" } }
    local pool = core.pool()
    local transfer = pool:chat(talk.request(), { base_url = talk.sim.url, api_key = talk.KEY })
    local till = socket.gettime() + 2
    while not transfer:info() and socket.gettime() < till do pool:poll(0.05) end
    transfer:cancel()
    local reply, err = transfer:reply()
    pool:close()
    assert.is_nil(reply)
    assert.are.equal("cancelled", err.kind)
    assert.are.equal(500, err.status)
  end)
end)
