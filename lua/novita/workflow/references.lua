--- The variables that the templates in a value name: what a flow of steps is checked by.

local each = require("novita.compat").each
local FIXED = require("novita.template.copy").FIXED
local parser = require("novita.template.parser")
local template = require("novita.template")

local references = {}

---@class novita.workflow.Reference
---@field path string[]
---@field name string as it stands in the template
---@field where string the field, such as chat.messages[1].content
---@field inside boolean is it in a section, whose items may have it?
---@field optional boolean may it be missing: a section, or a variable with the filter default?

local function has_default(tag)
  for _, filter in ipairs(tag.filters or {}) do
    if filter.name == "default" then return true end
  end
  return false
end

-- Adds the variables of a list of nodes, and those of the sections in it.
local function add_nodes(list, nodes, where, inside)
  for _, node in ipairs(nodes) do
    if type(node) == "table" and node.path then
      if node.path[1] then
        list[#list + 1] = {
          path = node.path, name = node.name, where = where, inside = inside,
          optional = node.nodes ~= nil or has_default(node),
        }
      end
      if node.nodes then add_nodes(list, node.nodes, where, inside or node.sigil == "#") end
    end
  end
end

local function add_text(list, text, where)
  if not text:find("{{", 1, true) then return nil end
  local _, err = template.compile(text)
  if err then return where .. ": " .. err.message end
  add_nodes(list, parser.parse({ source = text, indent = 0 }).nodes, where, false)
  return nil
end

local function place(where, key)
  if type(key) == "number" then return ("%s[%d]"):format(where, key) end
  return where .. "." .. tostring(key)
end

--- Adds the variables of all texts in a value to a list.
---@param list novita.workflow.Reference[]
---@param value any
---@param where string what the value is
---@param key? any the member that it is
---@return string? problem a template that is wrong, and where
function references.add(list, value, where, key)
  if type(value) == "string" and not FIXED[key] then return add_text(list, value, where) end
  if type(value) ~= "table" then return nil end
  for name, member in each(value) do
    local problem = references.add(list, member, place(where, name), name)
    if problem then return problem end
  end
  return nil
end

return references
