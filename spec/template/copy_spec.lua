-- Copies of requests in which texts are replaced.

local json = require("cjson")
local fill = require("novita.template").fill

describe("fill", function()
  it("never touches keys, roles and types", function()
    local function message(text)
      return { ["{{k}}"] = text, role = "{{k}}", content = { { type = "{{k}}", text = text } } }
    end
    assert.same(message("system"), fill(message("{{k}}"), { k = "system" }))
  end)

  it("keeps metatables, but not behind a lock", function()
    local array = { __name = "array" }
    local list = setmetatable({}, array)
    assert.equal(array, getmetatable(fill({ tools = list }).tools))
    assert.equal(array, getmetatable(fill("{{list}}", { list = list })))
    assert.is_nil(getmetatable(fill(setmetatable({}, { __metatable = "locked" }))))
  end)

  it("passes null and other values on", function()
    assert.equal(json.null, fill({ json.null }, {})[1])
    assert.equal(print, fill({ f = print }).f)
    assert.equal(7, fill(7))
  end)

  it("refuses cycles and endless depth, but not a table that stands twice", function()
    local cycle, deep, twice = { {} }, {}, { "{{x}}" }
    cycle[1].self = cycle
    for _ = 1, 100000 do deep = { deep } end
    local _, err = fill({ a = cycle })
    assert.equal("a[1].self: contains itself", err.message)
    _, err = fill({ a = "{{x}}" }, { x = cycle })
    assert.equal("a[1].self: contains itself", err.message)
    _, err = fill(deep)
    assert.truthy(err.message:find("is nested too deeply", 1, true))
    assert.same({ { "y" }, { "y" } }, fill({ twice, twice }, { x = "y" }))
  end)
end)
