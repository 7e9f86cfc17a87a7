--- Workflows: a flow is a function or a list of steps; a run of it keeps what each step brought in
--- a store, pauses where a step fails, and goes on from there when it is retried, from any process.
---
--- In workflow/: runner.lua (a run and its passes), pass.lua (the tasks of one), body.lua (what a
--- flow calls), step.lua, calls.lua and each.lua (steps), frozen.lua (values as JSON), journal.lua
--- and records.lua (what is written and read).

local each = require("novita.compat").each
local inherit = require("novita.call.settings").inherit
local known = require("novita.call.options").known
local misuse = require("novita.misuse")
local queue = require("novita.workflow.queue")
local rule = require("novita.rule")
local runner = require("novita.workflow.runner")
local stores = require("novita.store")
local table_body = require("novita.workflow.table_body")
local table_form = require("novita.workflow.table_form")
local tables = require("novita.tables")

local workflow = {}

---@class novita.Workflow
---@field name string
local methods = {}
local mt = { __name = "novita.workflow", __index = methods }

local flow_of = setmetatable({}, { __mode = "k" })

local PASS_RULES = { on_step = rule.callable, interrupts = rule.boolean }
local START_RULES = tables.merged(PASS_RULES, { queue = rule.boolean })

---@class novita.PassOptions
---@field on_step? fun(event: table) receives each change of a step: step, kind, item, attempt,
---  seconds, error, and its state: "sent", "retried", "done", "failed", "returned" or "reused"
---@field interrupts? boolean default true, in scripts: after Ctrl-C the steps in flight end and the
---  run pauses; after a second one they are cancelled

---@class novita.StartOptions: novita.PassOptions
---@field on_step? fun(event: table) as of novita.PassOptions
---@field interrupts? boolean as of novita.PassOptions
---@field queue? boolean the run is only written down; flow:work runs it

-- Options ---------------------------------------------------------------------------------------

local FLOW_RULES = tables.merged(PASS_RULES, {
  store = { expected = "a store, or the address of one", accepts = function() return true end },
  prices = {
    expected = "true or a table of prices",
    accepts = function(value) return value == true or type(value) == "table" end,
  },
})

---@class novita.WorkflowOptions: novita.Options
---@field store novita.Store|string|table where runs are kept
---@field prices? true|table<string, novita.batch.Price> USD a token, by the name of the model, for
---  the costs in the log; true: those of GET /models, requested once
---@field on_step? fun(event: table) as of novita.PassOptions
---@field interrupts? boolean as of novita.PassOptions

-- Splits the options of a flow into its own and those of its calls.
local function split(options)
  if type(options) ~= "table" then misuse.expected("workflow", "a table of options", options) end
  local own, rest = {}, {}
  for name, value in each(options) do
    if not FLOW_RULES[name] and not known[name] then
      misuse.unknown("options", name, tables.merged(known, FLOW_RULES))
    end
    local target = FLOW_RULES[name] and own or rest
    target[name] = value
  end
  rule.check("options", own, FLOW_RULES)
  if own.store == nil then misuse.raise("options.store: is missing: runs have to be kept") end
  return own, rest
end

local function checked(options, rules)
  rule.check("options", options or {}, rules)
  return options or {}
end

-- Flows -----------------------------------------------------------------------------------------

--- Starts a run, and returns its record when it is done or paused.
---@param trigger? any what the flow is given; JSON must have it
---@param options? novita.StartOptions
---@return novita.RunRecord? record nil where there is no run
---@return novita.Error? err
function methods:start(trigger, options)
  local flow = flow_of[self]
  options = checked(options, START_RULES)
  local err = flow.steps and table_form.check_trigger(flow.steps, trigger)
  if err then return nil, err end
  if options.queue then return queue.add(flow.store, flow.name, trigger) end
  return runner.start(flow, trigger, options)
end

--- Goes on with a run that is paused, queued or has crashed: steps that have a result make none
--- again. Returns its record when it is done or paused.
---@param id string or the first letters of it
---@param options? novita.PassOptions
---@return novita.RunRecord? record nil where it can't be retried
---@return novita.Error? err
function methods:retry(id, options)
  local flow = flow_of[self]
  options = checked(options, PASS_RULES)
  local record, err = runner.find(flow, id)
  if not record then return nil, err end
  return runner.make_pass(flow, record.id, options)
end

--- Runs the oldest queued run of this flow. Several workers never run the same one.
---@param options? novita.PassOptions
---@return novita.RunRecord? record when it is done or paused; nil if none is queued
---@return novita.Error? err
function methods:work(options)
  return queue.work(flow_of[self], checked(options, PASS_RULES))
end

--- Starts a run with the trigger of another one and the results of its steps before the first of a
--- name; that one and all later ones are made again. Without a name, those are made whose input has
--- changed since.
---@param id string of a run, or the first letters of it
---@param step? string
---@param options? novita.PassOptions
---@return novita.RunRecord? record of the new run, when it is done or paused
---@return novita.Error? err
function methods:fork(id, step, options)
  local flow = flow_of[self]
  options = checked(options, PASS_RULES)
  if step ~= nil and type(step) ~= "string" then misuse.expected("fork", "a step's name", step) end
  return runner.fork(flow, id, step, options)
end

--- Returns the requests of a run, as far as they are known before any answer. Sends and stores
--- nothing, and calls no function of a step.
---@param trigger? any
---@return novita.Plan? plan
---@return novita.Error? err
function methods:plan(trigger)
  local flow = flow_of[self]
  local err = flow.steps and table_form.check_trigger(flow.steps, trigger)
  if err then return nil, err end
  return require("novita.workflow.plan").make(flow, trigger)
end

--- Replays a run from what the store has of it; nothing is sent, and no function of a step called.
---@param id string or the first letters of it
---@return novita.Verification? verification
---@return novita.Error? err
function methods:verify(id)
  return require("novita.workflow.verify").run(flow_of[self], id)
end

mt.__tostring = function(self) return ("novita.workflow (%s)"):format(self.name) end

misuse.guard("workflow", mt)

-- The function that a flow runs, and the steps of the table form.
local function read(what, settings)
  if rule.callable.accepts(what) then return what end
  if type(what) ~= "table" then
    misuse.expected("workflow", "a function or a list of steps", what)
  end
  local steps, err = table_form.read(what, settings.policy.vars)
  err = err or table_body.check(steps, settings)
  if err then return nil, nil, err end
  return table_body.new(steps), steps
end

--- Makes a workflow.
---@param name string
---@param what (fun(run: novita.Run, trigger: any): any)|novita.StepSpec[]
---@param options novita.WorkflowOptions
---@param settings novita.Settings of the client
---@param new_client fun(settings: novita.Settings): novita.Client
---@return novita.Workflow? flow
---@return novita.Error? err
function workflow.new(name, what, options, settings, new_client)
  if type(name) ~= "string" or name == "" then misuse.expected("workflow", "a name", name) end
  local own, rest = split(options)
  local calls = inherit(settings, rest)
  local fn, steps, err = read(what, calls)
  if not fn then return nil, err end
  local store
  store, err = stores.of(own.store)
  if not store then return nil, err end
  local self = setmetatable({ name = name }, mt)
  flow_of[self] = {
    name = name, fn = fn, steps = steps, options = own, settings = calls, store = store,
    new_client = new_client,
  }
  return self
end

return workflow
