-- The methods of pools: what their arguments may be.

local pools = require("spec.support.pools")
local wire = require("spec.support.wire")

local pool

pools.with(function(fresh) pool = fresh end)

describe("pool:poll", function()
  it("never waits for a time that is no number", function()
    assert.has_error(function() pool:poll(0 / 0) end)
    assert.is_true(wire.took(function() pool:poll(-1) end) < wire.slack / 4)
    assert.is_true(wire.took(function() pool:poll(-math.huge) end) < wire.slack / 4)
  end)
end)

describe("pool:request", function()
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
