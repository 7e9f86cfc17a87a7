-- The methods of pools: what their arguments may be.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

describe("pool:poll", function()
  local pool

  before_each(function() pool = core.pool() end)
  after_each(function() pool:close() end)

  it("never waits for a time that is no number", function()
    assert.has_error(function() pool:poll(0 / 0) end)
    assert.is_true(wire.took(function() pool:poll(-1) end) < wire.slack / 4)
    assert.is_true(wire.took(function() pool:poll(-math.huge) end) < wire.slack / 4)
  end)
end)

describe("pool:request", function()
  local pool

  before_each(function() pool = core.pool() end)
  after_each(function() pool:close() end)

  it("raises when it is used wrongly", function()
    for _, wrong in ipairs { {}, { path = "models" }, { path = "/a b" }, { path = "/a\r\nX: y" },
      { path = 1 }, { path = "/x", body = {} } } do
      assert.has_error(function() pool:request(wrong, wire.options()) end)
    end
    assert.has_error(function() pool:request("/models", wire.options()) end)
    assert.has_error(function() pool:chat(1, wire.options()) end)
    assert.has_error(function() pool:chat(wire.request, { no_such_option = 1 }) end)
    assert.are.equal("novita.pool (0 in flight)", tostring(pool))
  end)
end)
