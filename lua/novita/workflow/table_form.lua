--- The table form of a flow: a list of named steps, checked whole before anything is sent.

local calls = require("novita.workflow.calls")
local condition = require("novita.workflow.condition")
local copy = require("novita.template.copy")
local each = require("novita.compat").each
local error_hint = require("novita.error_hint")
local known = require("novita.call.options").known
local misuse = require("novita.misuse")
local references = require("novita.workflow.references")
local rule = require("novita.rule")
local tables = require("novita.tables")

local table_form = {}

---@class novita.StepSpec what one step of the table form is; beside these the options of the step
---@field name string
---@field chat? novita.Request
---@field run? fun(input: any, index?: integer): any, any
---@field input? any what `run` is given
---@field each? any[]|string a list, or a template that gives one: the step is made for each item
---@field when? any a condition: the step is left out where it is not true
---@field unless? any a condition: the step is left out where it is true

local FIELDS = { name = true, run = true, input = true, each = true, when = true, unless = true }
for kind in each(calls.kinds) do FIELDS[kind] = true end
local OPTIONS = { on_error = true, version = true }

local ROOTS = { trigger = true, steps = true, row = true }

---@class novita.workflow.Spec
---@field name string
---@field kind string of calls.kinds, or "run"
---@field given novita.StepSpec
---@field options novita.StepOptions
---@field references novita.workflow.Reference[] those of the step, and apart from that
---@field conditions novita.workflow.Reference[] those of when and unless
---@field parse boolean is the answer read as JSON, because a later step uses it?

-- Steps -----------------------------------------------------------------------------------------

-- Returns the kind of a step, or nil and a problem.
local function kind_of(given)
  local found
  for name in each(given) do
    if name == "run" or calls.kinds[name] then
      if found then return nil, ("has both %s and %s"):format(found, name) end
      found = name
    end
  end
  if not found then return nil, "does nothing: give it chat, run or another call" end
  if found == "run" and not rule.callable.accepts(given.run) then
    return nil, "run: expected a function, got " .. misuse.shown(given.run)
  end
  if found ~= "run" and type(given[found]) ~= "table" then
    return nil, ("%s: expected a request, got %s"):format(found, misuse.shown(given[found]))
  end
  return found
end

local function unknown_field(name)
  local names = tables.merged(known, FIELDS, OPTIONS)
  local meant = misuse.nearest(name, names)
  local hint = meant and ('; did you mean "%s"?'):format(meant) or ""
  return ("unknown field %s%s"):format(misuse.shown(name), hint)
end

local function options_of(given)
  local options = {}
  for name, value in each(given) do
    if known[name] or OPTIONS[name] then
      options[name] = value
    elseif not FIELDS[name] then
      return nil, unknown_field(name)
    end
  end
  return options
end

local function add_references(spec)
  local given, problem = spec.given, nil
  for _, name in ipairs { spec.kind, "input", "each", "when", "unless" } do
    local _, err = copy.deep(given[name])
    if err then return name .. (err.field or "") .. ": " .. err.message end
  end
  for _, name in ipairs { spec.kind, "input", "each" } do
    if name ~= "run" then
      problem = problem or references.add(spec.references, given[name], name)
    end
  end
  for _, name in ipairs { "when", "unless" } do
    local lack = given[name] ~= nil and condition.problem(given[name])
    problem = problem or lack and (name .. ": " .. lack):gsub(": %[", "[", 1)
      or references.add(spec.conditions, condition.texts(given[name]), name)
  end
  return problem
end

-- Reads one step; nil and a problem if it is wrong by itself.
local function read(given)
  if type(given) ~= "table" then return nil, "expected a table, got " .. misuse.shown(given) end
  if type(given.name) ~= "string" or not given.name:find("^[%w_-]+$") then
    return nil, "name: expected letters, digits, _ and -, got " .. misuse.shown(given.name)
  end
  local spec = { name = given.name, given = given, references = {}, conditions = {} }
  local problem
  spec.options, problem = options_of(given)
  if not problem then spec.kind, problem = kind_of(given) end
  if problem then return nil, problem end
  if given.each ~= nil and type(given.each) ~= "string" and not tables.is_list(given.each) then
    return nil, "each: expected a list or a template, got " .. misuse.shown(given.each)
  elseif type(given.each) == "table" and not tables.is_dense(given.each) then
    return nil, "each: the list has a hole"
  end
  problem = add_references(spec)
  if problem then return nil, problem end
  return spec
end

-- References ------------------------------------------------------------------------------------

-- Returns why a step can't be referred to here, or nil; notes that its JSON is needed.
local function step_problem(reference, flow, position)
  local name = reference.path[2]
  local spec = name and flow.by_name[name]
  if not name then return nil end
  if not spec then return ('there is no step "%s"'):format(name) end
  if spec.position >= position then return ('the step "%s" is not before this one'):format(name) end
  local index = spec.given.each ~= nil and reference.path[3]
    and reference.path[3]:find("^%d+$") and 4 or 3
  if reference.path[index] == "json" then spec.parse = true end
  return nil
end

local function reference_problem(reference, flow, position, in_each)
  local root = reference.path[1]
  if root == "steps" then return step_problem(reference, flow, position) end
  local is_known = ROOTS[root] or flow.vars[root] ~= nil
    or in_each and (root == "item" or root == "index")
  if is_known or reference.inside then return nil end
  if root == "item" or root == "index" then return "stands outside of an each" end
  return "unknown variable; there are trigger, steps, row, and item and index in an each"
end

local function check_references(spec, flow)
  for _, list in ipairs { spec.references, spec.conditions } do
    for _, reference in ipairs(list) do
      local in_each = spec.given.each ~= nil and list == spec.references
        and not reference.where:find("^each")
      local problem = reference_problem(reference, flow, spec.position, in_each)
      if problem then
        return ("%s: {{%s}}: %s"):format(reference.where, reference.name, problem)
      end
    end
  end
  return nil
end

local function wrong(position, given, problem)
  local name = type(given) == "table" and type(given.name) == "string" and given.name
  local param = "steps." .. (name or position)
  return error_hint.config_error(param, problem)
end

local function list_problem(list)
  if list[1] == nil then return "expected a list of steps" end
  for key in each(list) do
    if type(key) ~= "number" then
      return "expected a list of steps, which has no field " .. misuse.shown(key)
    end
  end
  return not tables.is_dense(list) and "the list has a hole" or nil
end

--- Reads a list of steps.
---@param list table
---@param vars? table what templates may name beside the trigger and the steps
---@return { specs: novita.workflow.Spec[], vars: table }? flow
---@return novita.Error? err kind config: the step, and what is wrong with it
function table_form.read(list, vars)
  local flow = { specs = {}, by_name = {}, vars = vars or {} }
  local lack = list_problem(list)
  if lack then return nil, error_hint.config_error("steps", lack) end
  for position, given in ipairs(list) do
    local spec, problem = read(given)
    if not spec then return nil, wrong(position, given, problem) end
    if flow.by_name[spec.name] then
      return nil, wrong(position, given, "another step has this name")
    end
    spec.position, flow.specs[position], flow.by_name[spec.name] = position, spec, spec
  end
  for position, spec in ipairs(flow.specs) do
    local problem = check_references(spec, flow)
    if problem then return nil, wrong(position, spec.given, problem) end
  end
  return flow
end

-- Triggers --------------------------------------------------------------------------------------

local function is_missing(path, value)
  for index = 2, #path do
    if type(value) ~= "table" then return true end
    local key = path[index]
    value = value[tonumber(key) or key]
  end
  return value == nil
end

--- Looks whether a trigger has what steps without a condition need of it.
---@param flow { specs: novita.workflow.Spec[] }
---@param trigger any
---@return novita.Error? err
function table_form.check_trigger(flow, trigger)
  local values = { trigger = trigger, row = type(trigger) == "table" and trigger.row or nil }
  for position, spec in ipairs(flow.specs) do
    local is_sure = spec.given.when == nil and spec.given.unless == nil
    for _, reference in ipairs(is_sure and spec.references or {}) do
      local root = reference.path[1]
      local counts = root == "trigger" or root == "row" and spec.given.each == nil
      if counts and not (reference.optional or reference.inside)
        and is_missing(reference.path, values[root]) then
        return wrong(position, spec.given,
          ("%s: {{%s}} is missing in the trigger"):format(reference.where, reference.name))
      end
    end
  end
  return nil
end

return table_form
