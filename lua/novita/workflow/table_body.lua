--- Runs the steps of the table form, by the methods that the function form has.

local body = require("novita.workflow.body")
local call = require("novita.call")
local calls = require("novita.workflow.calls")
local condition = require("novita.workflow.condition")
local compat = require("novita.compat")
local core = require("novita.core")
local each_item = require("novita.workflow.each")
local error_hint = require("novita.error_hint")
local inherit = require("novita.call.settings").inherit
local retry = require("novita.retry")
local step = require("novita.workflow.step")
local tables = require("novita.tables")
local template = require("novita.template")
local unknown = require("novita.workflow.unknown")

local table_body = {}

-- Views: what templates see of a step -----------------------------------------------------------

local REPLIES = { chat = true, tools = true }

-- `{{steps.name.text}}` of a list is the list of the texts.
local list_mt = {
  __index = function(list, name)
    if type(name) == "number" then return nil end
    local members = {}
    for index, item in ipairs(list) do
      members[index] = type(item) == "table" and item[name] or core.null
    end
    return members
  end,
}

-- The JSON of an answer, also where no step is known to use it, such as one in a section.
local function json_of(reply)
  if reply.parsed ~= nil then return reply.parsed end
  return (reply:json())
end

local function view_of_one(spec, value)
  if type(value) ~= "table" then return value end
  if REPLIES[spec.kind] then
    return tables.merged(value, { text = value:text(), json = json_of(value) })
  elseif spec.kind == "completions" then
    return tables.merged(value, { text = value.choices[1].text })
  end
  return value
end

local function view_of_error(err)
  return {
    error = { kind = err.kind, message = err.message, status = err.status, code = err.code },
  }
end

local function view_of_list(spec, results, errors)
  local list = {}
  for index, value in ipairs(results) do
    local err = errors and errors[index]
    list[index] = err and view_of_error(err) or view_of_one(spec, value)
  end
  return list[1] ~= nil and setmetatable(list, list_mt) or core.array(list)
end

-- Returns the result of a step: the text of an answer, or its JSON if a step uses that.
local function result_of_one(spec, value)
  if not REPLIES[spec.kind] or type(value) ~= "table" then return value end
  if spec.parse then return value.parsed end
  return value:text() or value
end

local function result_of(spec, value)
  if spec.given.each == nil then return result_of_one(spec, value) end
  local list = {}
  for index, one in ipairs(value) do list[index] = result_of_one(spec, one) end
  return core.array(list)
end

-- Steps -----------------------------------------------------------------------------------------

local function filled(value, vars, field)
  local whole, err = template.fill(value, vars)
  if not err then return whole end
  return nil, error_hint.config_error(err.field and field .. "." .. err.field or field, err.message)
end

-- The request of a call, with the client's defaults, before its templates are filled.
local function request_of(spec, settings)
  local request = spec.given[spec.kind]
  return REPLIES[spec.kind] and call.complete(request, settings.policy) or request
end

local function call_settings(state, spec, rest)
  local more = { vars = false, parse = spec.parse or nil }
  return inherit(state.run.settings, tables.merged(rest or {}, more))
end

local function make_call(state, spec, own, rest)
  local settings = call_settings(state, spec, rest)
  local given = { name = spec.name, version = own.version, on_error = own.on_error }
  local request, err = filled(request_of(spec, settings), state.vars, spec.kind)
  if err then return step.refuse(state.run, given, err) end
  return calls.perform(state.run, spec.kind, given, request, settings)
end

local function make_run(state, spec, own)
  local given = { name = spec.name, version = own.version, on_error = own.on_error }
  local input, err = filled(spec.given.input, state.vars, "input")
  if err then return step.refuse(state.run, given, err) end
  return body.perform(state.run, given, input, spec.given.run, own.retry)
end

-- The work of an item of an each.
local function item_work(state, spec, own, settings)
  return function(given, item, index)
    local vars, field = each_item.vars(state.vars, item, index), spec.kind
    local template_of = spec.kind ~= "run" and request_of(spec, settings) or spec.given.input
    local input, err = item, nil
    if template_of ~= nil then input, err = filled(template_of, vars, field) end
    if err then return step.refuse(state.run, given, err) end
    if spec.kind ~= "run" then
      return calls.perform(state.run, spec.kind, given, input, settings)
    end
    return body.perform(state.run, given, input, spec.given.run, own.retry)
  end
end

local function make_each(state, spec, own, rest)
  local given = { name = spec.name, on_error = own.on_error }
  local items, err = filled(spec.given.each, state.vars, "each")
  if not err and not tables.is_list(items) then
    err = error_hint.config_error("each", "what it gives is not a list")
  end
  if err then return step.refuse(state.run, given, err) end
  local settings = call_settings(state, spec, rest)
  return each_item.run(state.run, spec.name, items, item_work(state, spec, own, settings), own,
    settings)
end

-- The options of a step, and those of its call.
local function split(spec)
  return body.split(spec.options, spec.kind == "run" and body.FUNCTION_OPTIONS or nil)
end

-- Makes a step and keeps what it has brought.
local function make(state, spec)
  local own, rest = split(spec)
  local is_each = spec.given.each ~= nil
  local work = is_each and make_each or spec.kind == "run" and make_run or make_call
  local value, err = work(state, spec, own, rest)
  if state.run.foresee then -- a plan has no results to look into
    state.steps[spec.name] = value
    return
  elseif is_each and value then
    state.steps[spec.name] = view_of_list(spec, value, err)
  elseif err then
    state.steps[spec.name] = view_of_error(err)
    return
  else
    state.steps[spec.name] = view_of_one(spec, value)
  end
  state.result = result_of(spec, value)
end

-- Conditions ------------------------------------------------------------------------------------

-- Is the step to be made? nil and an error if a template fails.
local function is_wanted(spec, vars)
  local holds, err = true, nil
  if spec.given.when ~= nil then holds, err = condition.holds(spec.given.when, vars) end
  if holds and spec.given.unless ~= nil then
    holds, err = condition.holds(spec.given.unless, vars)
    holds = not holds
  end
  return not err and holds, err
end

-- The results of the steps that references name.
local function results_of(state, references)
  local results = {}
  for _, reference in ipairs(references) do
    local name = reference.path[1] == "steps" and reference.path[2]
    if name then results[name] = state.steps[name] end
  end
  return results
end

-- In a plan: what a step needs that is not known yet.
local function foreseen(state, spec)
  local run = state.run
  if not run.foresee then return nil end
  local conditions = results_of(state, spec.conditions)
  local conditional = #unknown.names_in(conditions) > 0
  local needed = { conditions, results_of(state, spec.references) }
  return run.foresee(run, { name = spec.name }, spec.kind, needed, conditional)
end

local function take(state, spec)
  local planned = foreseen(state, spec)
  if planned then
    state.steps[spec.name] = planned
    return
  end
  local wanted, err = is_wanted(spec, state.vars)
  if err then
    step.refuse(state.run, { name = spec.name }, error_hint.config_error("when", err.message))
  elseif wanted then
    make(state, spec)
  end
end

-- Kinds of calls that name a model. One of `usual` may have it from defaults or the environment.
local MODELS = {
  chat = "usual", tools = "usual", completions = "usual", embeddings = "own", rerank = "own",
}

local function lacks_model(spec, settings)
  local kind = MODELS[spec.kind]
  if not kind or spec.given[spec.kind].model ~= nil then return false end
  if kind == "own" then return true end
  local defaults = settings.policy.defaults or {}
  return defaults.model == nil and (os.getenv("NOVITA_MODEL") or "") == ""
end

-- Returns what the C module finds wrong with options before any call. Secrets are read at each one.
local function wire_error(settings)
  local wire = tables.merged(settings.wire)
  for _, name in ipairs(settings.secrets or {}) do wire[name] = nil end
  return select(2, core.url("/", wire))
end

-- Looks whether the options of a step can be used; returns nil or a problem, or raises.
local function step_problem(spec, settings)
  local own, rest = split(spec)
  local whole = inherit(settings, rest)
  if own.retry ~= nil then retry.policy(own.retry) end
  local err = rest and wire_error(whole)
  if err then return "options." .. err.message end
  return lacks_model(spec, whole) and spec.kind .. ".model: is missing" or nil
end

--- Looks whether the options of all steps can be used.
---@param flow { specs: novita.workflow.Spec[] }
---@param settings novita.Settings
---@return novita.Error? err
function table_body.check(flow, settings)
  local wrong = wire_error(settings)
  if wrong then return wrong end
  for _, spec in ipairs(flow.specs) do
    local ok, problem = compat.pcall(step_problem, spec, settings)
    if not ok then -- without the place of the caller, which misuse.raise has put before it
      problem = tostring(problem):gsub("^.-:%d+: ", "")
    end
    if problem then return error_hint.config_error("steps." .. spec.name, problem) end
  end
  return nil
end

--- Makes the body of a flow.
---@param flow { specs: novita.workflow.Spec[], vars: table }
---@return fun(run: novita.Run, trigger: any): any
function table_body.new(flow)
  return function(self, trigger)
    local steps = {}
    local vars = tables.merged(flow.vars, {
      trigger = trigger, steps = steps, row = type(trigger) == "table" and trigger.row or nil,
    })
    local state = { run = body.pass(self), vars = vars, steps = steps }
    for _, spec in ipairs(flow.specs) do take(state, spec) end
    return state.result
  end
end

return table_body
