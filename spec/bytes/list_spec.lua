-- The lists of a pool: its transfers, and those that have news.

local pools = require("spec.support.pools")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local pool

pools.with(function(fresh) pool = fresh end)

describe("pool:poll", function()
  it("counts what is in flight", function()
    simulator.shared():always { delay = 30 }
    assert.are.equal("novita.pool (0 in flight)", tostring(pool))
    local one = assert(pool:chat(wire.request, wire.options()))
    local two = assert(pool:chat(wire.request, wire.options()))
    assert.are.equal(2, pool:poll(0))
    assert.are.equal("novita.pool (2 in flight)", tostring(pool))
    one:cancel()
    assert.are.equal(1, pool:poll(0))
    two:close()
    assert.are.equal(0, pool:poll(0))
    assert.are.equal("novita.transfer (done)", tostring(one))
    assert.are.equal("novita.transfer (closed)", tostring(two))
  end)

  it("forgets a transfer that is closed before its news is taken", function()
    local kept = assert(pool:chat(wire.asking("one"), wire.options()))
    local closed = assert(pool:chat(wire.asking("two"), wire.options()))
    repeat until pool:poll(10) == 0
    closed:close()
    assert.are.equal(kept, pool:ready())
    assert.is_nil(pool:ready())
    assert.is_table(kept:reply())
  end)
end)
