-- A small instance of a JSON schema: the required members, the first of each choice.
-- luacheck: std lua54

local json = require("spec.support.simulator.json")

local schema = {}

local instance

local function resolve(node, root)
  while type(node) == "table" and type(node["$ref"]) == "string" do
    local path = node["$ref"]
    node = root
    for name in path:gmatch("[^#/]+") do node = type(node) == "table" and node[name] or nil end
  end
  return node
end

local makers = {}

function makers.object(node, root, hint)
  local value, wanted = {}, {}
  local properties = type(node.properties) == "table" and node.properties or {}
  for _, name in ipairs(node.required or {}) do wanted[#wanted + 1] = name end
  if #wanted == 0 and hint then
    for name in pairs(properties) do wanted[#wanted + 1] = name end
  end
  for _, name in ipairs(wanted) do value[name] = instance(properties[name], root, hint) end
  return value
end

function makers.array(node, root, hint)
  local list = json.array {}
  for index = 1, math.max(node.minItems or 0, hint and 1 or 0) do
    list[index] = instance(node.items, root, hint)
  end
  return list
end

function makers.string(node, _, hint)
  local text = hint or "text"
  text = text .. ("."):rep((node.minLength or 0) - #text)
  return text:sub(1, node.maxLength)
end

function makers.number(node)
  local low = node.minimum or node.exclusiveMinimum and node.exclusiveMinimum + 1
  local value = low or 1
  if node.maximum and value > node.maximum then value = node.maximum end
  return value
end

function makers.integer(node)
  return math.ceil(makers.number(node))
end

function makers.boolean()
  return true
end

function makers.null()
  return json.null
end

local function guess_type(node)
  local kind = node.type
  if type(kind) == "table" then kind = kind[1] end
  return kind or node.properties and "object" or node.items and "array" or "string"
end

function instance(node, root, hint)
  node = resolve(node, root)
  if type(node) ~= "table" then return hint or "text" end
  if node.const ~= nil then return node.const end
  if type(node.enum) == "table" then return node.enum[1] end
  local choice = node.anyOf or node.oneOf
  if type(choice) == "table" then return instance(choice[1], root, hint) end
  local make = makers[guess_type(node)] or makers.string
  return make(node, root, hint)
end

--- Makes a value that a schema allows.
---@param node table a decoded JSON schema
---@param hint string? goes where a string is free; with it, optional members are filled too
function schema.instance(node, hint)
  return instance(node, node, hint)
end

return schema
