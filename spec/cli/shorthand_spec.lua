-- Schemas in one line.

local shorthand = require("novita.cli.shorthand")

local function object(properties, required)
  return {
    type = "object", properties = properties, required = required, additionalProperties = false,
  }
end

describe("a schema in one line", function()
  it("has names, types and descriptions", function()
    for text, schema in pairs {
      ["name"] = object({ name = { type = "string" } }, { "name" }),
      ["name, age int"] = object({ name = { type = "string" }, age = { type = "integer" } },
        { "name", "age" }),
      ["a str,b float,c bool,d number,e Integer"] = object({ a = { type = "string" },
        b = { type = "number" }, c = { type = "boolean" }, d = { type = "number" },
        e = { type = "integer" } }, { "a", "b", "c", "d", "e" }),
      ["tags string[]\n n int[]: how many"] = object({
        tags = { type = "array", items = { type = "string" } },
        n = { type = "array", items = { type = "integer" }, description = "how many" },
      }, { "tags", "n" }),
      [" bio : a short life ,"] = object({ bio = { type = "string",
        description = "a short life" } }, { "bio" }),
    } do
      assert.are.same(schema, shorthand.read(text), text)
    end
  end)

  it("says what is wrong", function()
    for text, said in pairs {
      [""] = "config: schema: has no field", [" , "] = "config: schema: has no field",
      ["a b c"] = 'config: schema: "a b c" is no field: expected NAME TYPE',
      ["age years"] = 'config: schema: age: "years" is no type; there are string, int, number or '
        .. "bool, or one of these with []",
      ["a, a int"] = "config: schema: a stands there twice",
      ["{}"] = 'config: schema: "{}" is no field: expected NAME TYPE',
    } do
      local schema, err = shorthand.read(text)
      assert.are.same({ nil, said }, { schema, tostring(err) })
    end
  end)
end)
