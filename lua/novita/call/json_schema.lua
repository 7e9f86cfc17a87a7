--- Checks a value against a JSON schema.
---
--- Checked at every level: type, enum, required, properties, additionalProperties, items, anyOf.
--- All other keywords ($ref, pattern, minimum, ...) are for the server.
---
--- A null member is absent in Lua. A required member may be absent if its schema names null.

local each = require("novita.compat").each
local core = require("novita.core")
local next = require("novita.compat").next

local json_schema = {}

local ARRAY, OBJECT = getmetatable(core.array {}), getmetatable(core.decode("{}"))

-- An empty table without a mark counts as a list and as an object.
local function is_list(value)
  return type(value) == "table"
    and (value[1] ~= nil or next(value) == nil and getmetatable(value) ~= OBJECT)
end

local function is_object(value)
  return type(value) == "table" and value[1] == nil and getmetatable(value) ~= ARRAY
end

local function is_null(value)
  return value == nil or value == core.null
end

local TYPES = {
  array = is_list, object = is_object, null = is_null,
  string = function(value) return type(value) == "string" end,
  number = function(value) return type(value) == "number" end,
  integer = function(value) return type(value) == "number" and value % 1 == 0 end,
  boolean = function(value) return type(value) == "boolean" end,
}

-- Returns the JSON type of a value for messages, which never quote the output of the model.
local function type_of(value)
  if is_null(value) then return "null" end
  if type(value) ~= "table" then return type(value) end
  return is_list(value) and "array" or "object"
end

local function is_equal(a, b)
  if is_null(a) and is_null(b) or a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for name, value in each(a) do
    if not is_equal(value, b[name]) then return false end
  end
  for name in each(b) do
    if a[name] == nil then return false end
  end
  return true
end

-- Paths -----------------------------------------------------------------------------------------

-- Returns the path of a member: list[2].name. A name that is not a word is not shown.
local function join(name, path)
  local place = type(name) == "number" and ("[%d]"):format(name)
    or (#name <= 64 and name:find("^[%w_%-]+$") and name or "[?]")
  if path == "" or path:sub(1, 1) == "[" then return place .. path end
  return place .. "." .. path
end

-- Returns the value of a keyword if it is a table; the server rejects any other type.
local function table_of(value)
  return type(value) == "table" and value or {}
end

-- Keywords --------------------------------------------------------------------------------------
-- Each function returns the problem and its path below this value, or nil.

local find_problem

local function check_type(value, wanted)
  if type(wanted) == "string" then wanted = { wanted } end
  if table_of(wanted)[1] == nil then return nil end
  for _, name in ipairs(wanted) do
    local accepts = TYPES[name]
    if not accepts or accepts(value) then return nil end
  end
  return ("expected %s, got %s"):format(table.concat(wanted, " or "), type_of(value)), ""
end

local function check_enum(value, list)
  if type(list) ~= "table" then return nil end
  for _, item in ipairs(list) do
    if is_equal(value, item) then return nil end
  end
  return "is not one of the values in the schema", ""
end

local function check_any(value, list)
  if type(list) ~= "table" then return nil end
  for _, one in ipairs(list) do
    if not find_problem(value, one) then return nil end
  end
  return "matches none of the schemas in anyOf", ""
end

local function names_null(node)
  if type(node) ~= "table" then return false end
  for _, one in ipairs(table_of(node.anyOf)) do
    if names_null(one) then return true end
  end
  return (node.type ~= nil or node.enum ~= nil) and not find_problem(nil, node)
end

local function check_required(value, node)
  for _, name in ipairs(table_of(node.required)) do
    if value[name] == nil and not names_null(table_of(node.properties)[name]) then
      return "is missing", join(name, "")
    end
  end
  return nil
end

local function check_member(value, name, node)
  local properties, more = table_of(node.properties), node.additionalProperties
  if properties[name] ~= nil then return find_problem(value[name], properties[name]) end
  if more == false then return "is not allowed by the schema", "" end
  return find_problem(value[name], more)
end

-- Returns the problem of the first invalid member in the order of names.
local function check_members(value, node)
  local first, problem, path
  for name in each(value) do
    if type(name) == "string" and (not first or name < first) then
      local found, below = check_member(value, name, node)
      if found then first, problem, path = name, found, join(name, below) end
    end
  end
  return problem, path
end

local function check_object(value, node)
  local problem, path = check_required(value, node)
  if not problem and (node.properties or node.additionalProperties ~= nil) then
    problem, path = check_members(value, node)
  end
  return problem, path
end

local function check_items(value, items)
  for index, item in ipairs(value) do
    local problem, path = find_problem(item, items)
    if problem then return problem, join(index, path) end
  end
  return nil
end

function find_problem(value, node)
  if type(node) ~= "table" then return nil end
  local problem, path
  if node.type ~= nil then problem, path = check_type(value, node.type) end
  if not problem then problem, path = check_enum(value, node.enum) end
  if not problem then problem, path = check_any(value, node.anyOf) end
  if problem or type(value) ~= "table" then return problem, path end
  if is_object(value) then problem, path = check_object(value, node) end
  if not problem and is_list(value) then problem, path = check_items(value, node.items) end
  return problem, path
end

--- Returns why a value does not match a schema: the first problem, and its path.
---@param value any as core.decode gives it
---@param node table
---@return string? problem nil if it fits
---@return string? path "list[2].name"; "" is the value itself
function json_schema.problem(value, node)
  return find_problem(value, node)
end

return json_schema
