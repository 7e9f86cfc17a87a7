--- A JSON schema in one line: "name, age int, tags string[], bio: a short life". Each field has a
--- name, perhaps a type, perhaps a description; without a type it is a text. All are required.

local error_hint = require("novita.error_hint")

local shorthand = {}

local TYPES = {
  str = "string", string = "string", text = "string", int = "integer", integer = "integer",
  float = "number", number = "number", num = "number", bool = "boolean", boolean = "boolean",
}
local KNOWN = "string, int, number or bool, or one of these with []"

local function refuse(problem)
  return nil, error_hint.config_error("schema", problem)
end

-- The schema of a type; nil if there is none of this name.
local function schema_of(word)
  local item, list = word:match("^(%a+)(%[%])$")
  local name = TYPES[(item or word):lower()]
  if not name then return nil end
  if list then return { type = "array", items = { type = name } } end
  return { type = name }
end

-- The name and the schema of one field; nil and an error.
local function read_field(text)
  local head, description = text:match("^([^:]*):%s*(.-)%s*$")
  local name, word = (head or text):match("^%s*([%w_%-]+)%s*(%S*)%s*$")
  if not name then return refuse(('"%s" is no field: expected NAME TYPE'):format(text)) end
  local schema = schema_of(word == "" and "string" or word)
  if not schema then
    return refuse(('%s: "%s" is no type; there are %s'):format(name, word, KNOWN))
  end
  if description ~= "" then schema.description = description end
  return name, schema
end

--- Makes the schema of an object.
---@param text string
---@return table? schema
---@return novita.Error? err kind config
function shorthand.read(text)
  local properties, required = {}, {}
  for part in (text:gsub("\n", ",") .. ","):gmatch("([^,]*),") do
    if part:find("%S") then
      local name, schema = read_field(part:match("^%s*(.-)%s*$"))
      if not name then return nil, schema end
      if properties[name] then return refuse(name .. " stands there twice") end
      properties[name], required[#required + 1] = schema, name
    end
  end
  if not required[1] then return refuse("has no field") end
  return {
    type = "object", properties = properties, required = required, additionalProperties = false,
  }
end

return shorthand
