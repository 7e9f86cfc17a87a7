--- Conditions of steps: `when` and `unless`.
---
--- A text is a template: true unless it gives false, nothing, "" or an empty table. A table of
--- names and values is true if all are equal; a list in the place of a value means any of them. A
--- list of conditions is true if one of them is.

local each = require("novita.compat").each
local misuse = require("novita.misuse")
local next = require("novita.compat").next
local template = require("novita.template")

local condition = {}

--- Returns the template of a name in a condition: `steps.route.text` or `{{steps.route.text}}`.
---@param name any
---@return string
function condition.template_of(name)
  name = tostring(name)
  if name:find("{{", 1, true) then return name end
  return "{{" .. name .. "}}"
end

local function fill(value, vars)
  return template.fill(value, vars, { missing = "empty" })
end

local function is_true(value)
  if type(value) == "table" then return next(value) ~= nil end
  return value ~= nil and value ~= false and value ~= "" and type(value) ~= "userdata"
end

local function is_equal(value, wanted)
  if value == wanted then return true end
  local one, other = type(value), type(wanted)
  return (one == "number" and other == "string" or one == "string" and other == "number")
    and tonumber(value) == tonumber(wanted)
end

local function is_any(value, wanted)
  if type(wanted) ~= "table" then return is_equal(value, wanted) end
  for _, one in ipairs(wanted) do
    if is_equal(value, one) then return true end
  end
  return false
end

-- Are all members equal? nil and an error if one can't be known.
local function all_equal(wanted, vars)
  for name, expected in each(wanted) do
    local value, err = fill(condition.template_of(name), vars)
    if err then return nil, err end
    expected, err = fill(expected, vars)
    if err then return nil, err end
    if not is_any(value, expected) then return false end
  end
  return true
end

--- Is a condition true?
---@param wanted any
---@param vars table
---@return boolean? holds nil if a template fails
---@return novita.TemplateFailure? err
function condition.holds(wanted, vars)
  if type(wanted) ~= "table" then
    local value, err = fill(wanted, vars)
    if err then return nil, err end
    return is_true(value)
  end
  if wanted[1] == nil then return all_equal(wanted, vars) end
  for _, one in ipairs(wanted) do
    local holds, err = condition.holds(one, vars)
    if holds or err then return holds, err end
  end
  return false
end

--- Returns what is wrong with the type of a condition, or nil. A function would always be true, and
--- null never.
---@param wanted any
---@return string? problem
function condition.problem(wanted)
  local kind = type(wanted)
  if kind ~= "string" and kind ~= "boolean" and kind ~= "table" then
    return "expected a text, a table or a list of conditions, got " .. misuse.shown(wanted)
  end
  for index = 1, kind == "table" and #wanted or 0 do
    local problem = condition.problem(wanted[index])
    if problem then return ("[%d]: %s"):format(index, problem) end
  end
  return nil
end

--- Returns a value in which all names of conditions stand as templates.
---@param wanted any
---@return any
function condition.texts(wanted)
  if type(wanted) ~= "table" then return wanted end
  local texts = {}
  for name, value in each(wanted) do
    if type(name) ~= "number" then texts[#texts + 1] = condition.template_of(name) end
    texts[#texts + 1] = type(name) == "number" and condition.texts(value) or value
  end
  return texts
end

return condition
