-- Driving a pool: pool:poll returns when a transfer has news, and no later.

local pools = require("spec.support.pools")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local sim, pool

setup(function() sim = simulator.shared() end)
pools.with(function(fresh) pool = fresh end)

describe("pool:poll", function()
  it("returns when there is news", function()
    local transfer = assert(pool:chat(wire.request, wire.options()))
    local seconds = wire.took(function()
      while pool:poll(10) > 0 do assert.is_nil(transfer:reply()) end
    end)
    assert.is_true(seconds < wire.slack)
    assert.are.equal(transfer, pool:ready())
    assert.is_nil(pool:ready())
    assert.is_table(transfer:reply())
  end)

  it("returns when there is news of one transfer, and keeps that of others", function()
    sim:script { { delay = 0.1, match = "later" } }
    local sooner = assert(pool:chat(wire.asking("sooner"), wire.options()))
    local later = assert(pool:chat(wire.asking("later"), wire.options()))
    while not sooner:news() do pool:poll(10) end
    local waits = 0
    while not later:news() do
      pool:poll(10, later)
      waits = waits + 1
    end
    assert.are.equal(1, waits)
    local ready = { [pool:ready()] = true, [pool:ready()] = true }
    assert.is_true(ready[sooner] and ready[later])
    assert.has_error(function() pool:poll(0, pool) end)
  end)

  it("returns at once as long as news is not taken", function()
    local transfer = assert(pool:chat(wire.request, wire.options()))
    while pool:poll(10) > 0 do assert.is_nil(pool:ready()) end
    assert.is_true(wire.took(function() pool:poll(10) end) < wire.slack)
    assert.are.equal(transfer, pool:ready())
  end)
end)
