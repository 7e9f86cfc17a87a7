-- Pools and transfers as userdata, collected and closed in any order.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

before_each(function() simulator.shared():reset() end)
teardown(function() simulator.shared():reset() end) -- for the specs that come next

-- A transfer whose answer never comes.
local function waiting(pool)
  simulator.shared():script { { delay = 30 } }
  return assert(pool:chat(wire.request, wire.options()))
end

describe("a closed pool", function()
  it("frees transfers that nobody holds, after it or before", function()
    for _ = 1, 20 do
      local pool = core.pool()
      for _ = 1, 5 do waiting(pool) end
      pool:poll(0)
      pool:close()
    end
  end)

  it("can be collected before its transfers, with them, or after", function()
    local pool = core.pool()
    local transfer = waiting(pool)
    pool = nil -- luacheck: ignore 311
    collectgarbage()
    assert.are.equal("novita.transfer (running)", tostring(transfer))
    transfer = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    pool = core.pool()
    transfer = waiting(pool)
    pool:close()
    pool = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.are.equal("cancelled", select(2, transfer:reply()).kind)
  end)
end)
