-- The end of a transfer closes its connection and leaves other transfers alone.

local core = require("novita.core")

local failures = require("spec.support.failures")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local LIMIT = failures.LIMIT
local times_out = failures.times_out
local BODY = ("x"):rep(100)

describe("a time-out", function()
  local sim

  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("closes the connection, and the next call gets its own answer", function()
    times_out("idle", "body", { body = BODY, cut = 50, ending = "stall" },
      { idle_timeout = LIMIT })
    assert.is_true(wire.entry().aborted)
    local _, info = wire.succeeds()
    assert.is_false(info.reused)
    assert.are.equal(2, #sim:journal())
  end)

  it("ends one of several calls and leaves the others alone", function()
    sim:always { delay = 2 * LIMIT }
    local pool = core.pool()
    local long = assert(pool:chat(wire.request, wire.options()))
    local short = assert(pool:chat(wire.request, wire.options { attempt_timeout = LIMIT }))
    while pool:poll(1) > 0 do repeat until not pool:ready() end
    assert.are.equal("attempt", select(2, short:reply()).reason)
    assert.is_table(long:reply())
  end)
end)
