-- Pools and transfers as userdata, collected and closed in any order.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local FOREVER = 30

local sim, pool

setup(function() sim = simulator.shared() end)
teardown(function() sim:reset() end) -- for the specs that come next

before_each(function()
  sim:reset()
  pool = core.pool()
end)

after_each(function()
  pool:close()
  pool = nil
end)

local function start(step, options)
  if step then sim:script { step } end
  return assert(pool:chat(wire.request, wire.options(options)))
end

describe("a closed pool", function()
  it("frees transfers that nobody holds, after it or before", function()
    for _ = 1, 20 do
      for _ = 1, 5 do start { delay = FOREVER } end
      pool:poll(0)
      pool:close()
      pool = core.pool()
    end
  end)

  it("can be collected before its transfers, with them, or after", function()
    local transfer = start { delay = FOREVER }
    pool = nil
    collectgarbage()
    assert.are.equal("novita.transfer (running)", tostring(transfer))
    transfer = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    pool = core.pool()
    transfer = start { delay = FOREVER }
    pool:close()
    pool = nil
    collectgarbage()
    collectgarbage()
    assert.are.equal("cancelled", select(2, transfer:reply()).kind)
    pool = core.pool()
  end)
end)
