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

describe("pool:chat", function()
  local KNOWN = { model = true, message = true, seed = true, ["a\0b"] = true }

  local function chat(fields)
    local request = { model = wire.model, message = "Hello" }
    for name, value in pairs(fields) do request[name] = value end
    return pool:chat(request, wire.options(), KNOWN)
  end

  it("starts nothing for a request with a field that is not known", function()
    for _, fields in ipairs { { sed = 1 }, { sed = 1, message = false }, { sed = {}, seed = 1 },
      { sed = 1, temperature = "warm" }, { seed = print, sed = print }, { "x" }, { ["a\0c"] = 1 },
      { a = 1 } } do
      local transfer, slot = chat(fields)
      assert.is_nil(transfer)
      assert.is_false(slot)
    end
    assert.are.equal("novita.pool (0 in flight)", tostring(pool))
  end)

  it("says what is wrong with the fields that are", function()
    local _, err = chat { seed = print }
    assert.are.equal("seed", err.param)
    _, err = chat { message = {} }
    assert.are.equal("message", err.param)
    assert.is_userdata(chat { seed = 1 })
    assert.is_userdata(chat { ["a\0b"] = 1 })
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
