-- The check of a value against a JSON schema: which keywords count, and where the problem is.

local core = require("novita.core")
local schema = require("novita.call.json_schema")

local PERSON = {
  type = "object", additionalProperties = false, required = { "name", "tags" },
  properties = {
    name = { type = "string" }, age = { type = { "integer", "null" } },
    tags = { type = "array", items = { type = "string", enum = { "a", "b" } } },
    home = { type = "object", required = { "street" }, properties = {
      street = { type = "object", required = { "name" } },
    } },
  },
}
local NULLABLE = { type = "object", required = { "x", "y", "z" }, properties = {
  x = { type = { "string", "null" } }, y = { anyOf = { { type = "integer" }, { type = "null" } } },
  z = { enum = { "a", core.null } },
} }

-- A schema, JSON, and the place and the problem; no problem: it fits.
local cases = {
  { "string", { type = "string" }, '"x"' },
  { "no string", { type = "string" }, "1", "", "expected string, got number" },
  { "an integer with a fraction of nothing", { type = "integer" }, "1.0" },
  { "no integer", { type = "integer" }, "1.5", "", "expected integer, got number" },
  { "a number for a boolean", { type = "boolean" }, "0", "", "expected boolean, got number" },
  { "one of two types", { type = { "string", "integer" } }, "true", "",
    "expected string or integer, got boolean" },
  { "an object for a list", { type = "array" }, "{}", "", "expected array, got object" },
  { "a list for an object", { type = "object" }, "[]", "", "expected object, got array" },
  { "an empty list", { type = "array", items = { type = "string" } }, "[]" },
  { "an empty object", { type = "object" }, "{}" },
  { "keywords of other types than theirs", { type = 5, enum = "x", anyOf = 1, required = "x",
    properties = 2, additionalProperties = 3, items = 4 }, '{"y":[1]}' },
  { "a type that nobody knows", { type = "date" }, '"x"' },
  { "a value that is listed", { enum = { "a", 2, { x = { 1 } } } }, '{"x":[1]}' },
  { "a value that is not listed", { enum = { "a", 2 } }, '"b"', "",
    "is not one of the values in the schema" },
  { "a null that is listed", { type = "array", items = { enum = { core.null } } }, "[null]" },
  { "a null that is not", { type = "array", items = { type = "string" } }, '["a",null]', "[2]",
    "expected string, got null" },
  { "all in order", PERSON, '{"name":"x","tags":["a"],"home":{"street":{"name":"y"}}}' },
  { "a missing member", PERSON, '{"name":"x"}', "tags", "is missing" },
  { "a missing member deep inside", PERSON, '{"name":"x","tags":[],"home":{"street":{}}}',
    "home.street.name", "is missing" },
  { "a member of another type", PERSON, '{"name":"x","tags":[],"age":"8"}', "age",
    "expected integer or null, got string" },
  { "an item that is not listed", PERSON, '{"name":"x","tags":["a","c"]}', "tags[2]",
    "is not one of the values in the schema" },
  { "a member too many", PERSON, '{"name":"x","tags":[],"hue":1}', "hue",
    "is not allowed by the schema" },
  { "a member whose name is text", PERSON, '{"name":"x","tags":[],"my secret":1}', "[?]",
    "is not allowed by the schema" },
  { "members of any name", { additionalProperties = { type = "integer" } }, '{"a":1,"b":"x"}', "b",
    "expected integer, got string" },
  { "the first of two problems by name", { properties = { a = { type = "string" },
    b = { type = "string" } } }, '{"b":1,"a":2}', "a", "expected string, got number" },
  { "lists in lists", { items = { items = { type = "object", properties = {
    x = { type = "string" } } } } }, '[[{}],[{},{"x":1}]]', "[2][2].x",
    "expected string, got number" },
  { "null for members that may be null", NULLABLE, '{"x":null,"y":null,"z":null}' },
  { "a member that names no null", { required = { "x" }, properties = { x = {} } }, '{"x":null}',
    "x", "is missing" },
  { "one of several schemas", NULLABLE, '{"x":"a","y":3,"z":"a"}' },
  { "none of several schemas", NULLABLE, '{"y":"3"}', "y", "matches none of the schemas in anyOf" },
  { "keywords that are not checked", { pattern = "^b", minimum = 9, ["$ref"] = "#/x" }, '"a"' },
}

describe("a schema", function()
  for _, case in ipairs(cases) do
    local name, node, json, path, problem = case[1], case[2], case[3], case[4], case[5]
    it((problem and "refuses " or "takes ") .. name, function()
      local value = assert(core.decode(json))
      assert.are.same({ problem, path }, { schema.problem(value, node) })
    end)
  end

  it("takes an empty table of Lua for a list and for an object", function()
    assert.is_nil(schema.problem({}, { type = "array" }))
    assert.is_nil(schema.problem({}, { type = "object" }))
  end)

  it("that was read from JSON serves too", function()
    local node = assert(core.decode('{"type":"object","required":["a"],"properties":{}}'))
    assert.are.same({ "is missing", "a" }, { schema.problem(core.decode('{"b":1}'), node) })
  end)
end)
