-- The types of the C module: each function of it is described, and no other.

local core = require("novita.core")

local simulator = require("spec.support.sim")

-- Names of described functions, by the class that the file calls so.
local function described()
  local file = assert(io.open("lua/novita/meta/core.lua"))
  local classes, comment = {}, false
  for line in file:lines() do
    local class, name = line:match("^function ([%w_]+)[.:]([%w_]+)%(")
    if class then
      assert(comment, name .. " has no sentence")
      classes[class] = classes[class] or {}
      classes[class][name] = true
    end
    comment = line:find("^%-%-%-") ~= nil
  end
  file:close()
  return classes
end

local function functions_of(module)
  local names = {}
  for name, value in pairs(module) do
    if type(value) == "function" then names[name] = true end
  end
  return names
end

local function methods_of(object)
  return functions_of(getmetatable(object).__index)
end

describe("the types of the C module", function()
  it("have every function of it, and no other", function()
    local classes, pool = described(), core.pool()
    local transfer = assert(pool:request({ path = "/" }, { base_url = simulator.refused(),
      api_key = false }))
    assert.same(functions_of(core), classes.core)
    assert.same(methods_of(pool), classes.pool)
    assert.same(methods_of(transfer), classes.transfer)
    assert.same(methods_of(core.sse()), classes.parser)
    assert.same(methods_of(core.error { kind = "config" }), classes.error_methods)
    transfer:close()
    pool:close()
  end)
end)
