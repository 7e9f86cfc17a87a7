-- Driving a pool: pool:poll returns when a transfer has news, and no later.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

local function request(text)
  return { model = wire.model, message = text }
end

describe("pool:poll", function()
  local pool

  before_each(function() pool = core.pool() end)
  after_each(function() pool:close() end)

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
    local sooner = assert(pool:chat(request("sooner"), wire.options()))
    local later = assert(pool:chat(request("later"), wire.options()))
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

  it("serves many at once, each with its own answer", function()
    local COUNT = 40
    sim:always { delay = 0.2 } -- time enough for all to arrive, on a busy machine too
    local transfers, left = {}, COUNT
    local seconds = wire.took(function()
      for index = 1, COUNT do
        transfers[assert(pool:chat(request("call " .. index), wire.options()))] = index
      end
      while left > 0 do
        pool:poll(10)
        for transfer in function() return pool:ready() end do
          local reply = assert(transfer:reply())
          local expected = ('You asked: "call %d"'):format(transfers[transfer])
          assert.are.equal(expected, reply:text():sub(1, #expected))
          left = left - 1
        end
      end
    end)
    assert.are.equal(COUNT, sim:stats().most_active)
    assert.is_true(seconds < 0.2 + 2 * wire.slack, seconds)
  end)
end)
