-- Whether an empty table is a list or an object in JSON.

local core = require("novita.core")

describe("what was read is written the same:", function()
  it("an empty list that has grown", function()
    local value = core.decode('{"content":[]}')
    value.content[1] = "x"
    assert.are.equal('{"content":["x"]}', core.encode(value))
  end)
end)

describe("an empty table below a JSON schema", function()
  local function written(parameters)
    local body = assert(core.body { model = "m", message = "x", tools = {
      { type = "function", ["function"] = { name = "f", parameters = parameters } } } })
    return body:match('"parameters":(%b{})')
  end

  it("is an object where the user has chosen the name", function()
    for _, map in ipairs { "properties", "$defs", "definitions", "patternProperties",
      "dependentSchemas" } do
      for _, name in ipairs { "content", "input", "required", "tools", "enum", "stop" } do
        assert.are.equal(('{%q:{%q:{}}}'):format(map, name), written { [map] = { [name] = {} } })
      end
    end
  end)

  it("is a list below such a name where the schema has one", function()
    assert.are.equal('{"properties":{"content":{"required":[]}}}',
      written { properties = { content = { required = {} } } })
    assert.are.equal('{"properties":{"properties":{"enum":[],"properties":{"enum":{}}}}}',
      written { properties = { properties = { enum = {}, properties = { enum = {} } } } })
    assert.are.equal('{"$defs":{"a":{"anyOf":[{"required":[]}]}}}',
      written { ["$defs"] = { a = { anyOf = { { required = {} } } } } })
    assert.are.equal('{"dependentRequired":{"a":[],"content":[]}}',
      written { dependentRequired = { a = {}, content = {} } })
  end)

  it("is an object in values of the user's", function()
    assert.are.equal('{"default":{"content":{}},"enum":[{"tools":{}}]}',
      written { default = { content = {} }, enum = { { tools = {} } } })
    assert.are.equal('{"const":{"a":{"input":{}}},"required":[]}',
      written { const = { a = { input = {} } }, required = {} })
  end)

  it("is found at once at any depth", function()
    local schema = { required = {} }
    for _ = 1, 150 do schema = { default = schema } end
    assert.is_truthy(written(schema):find('"required":{}', 1, true))
  end)
end)
