--- A dry run: every request that is known before any answer, and nothing sent.
---
--- The body runs with an unknown value (unknown.lua) in place of each result. It goes on as long as
--- it only hands them on; where it looks into one, it is left.

local body = require("novita.workflow.body")
local core = require("novita.core")
local frozen = require("novita.workflow.frozen")
local estimator = require("novita.limit.estimator")
local loops = require("novita.loop")
local pass = require("novita.workflow.pass")
local unknown = require("novita.workflow.unknown")

local plan = {}

local MOST = 10000 -- steps of one name, apart from items: a loop that ends by an answer has more

---@class novita.Plan
---@field steps novita.PlannedStep[] in the order in which they would begin
---@field complete boolean is this all, with every input? false where the flow depends on an answer
---@field waits_for? string the step on whose answer the rest depends, where it is not complete
---@field tokens integer of all requests that are known: an estimate of prompts and answers
---@field error? novita.Error what the flow would pause with before any answer

---@class novita.PlannedStep
---@field step string
---@field kind string
---@field item? integer
---@field input? any the request, or what a function is given; nil where it depends on an answer
---@field needs? string[] the steps on whose answers it depends
---@field conditional? boolean true if it depends on an answer whether it is made

-- Leaves the flow: what follows depends on the answer of a step.
local function leave(run, name)
  run.waits_for = run.waits_for or name
  pass.stop(run, "the rest depends on the answer of " .. name)
  pass.park(run)
end

-- Counts the steps of a name, since a loop may wait for an answer that never comes here.
local function count(run, name)
  run.planned[name] = (run.planned[name] or 0) + 1
  if run.planned[name] > MOST then leave(run, name) end
end

-- Adds a step to the plan; returns what the flow has in place of its result.
local function add(run, this, input, needs, conditional)
  if not this.item then count(run, this.name) end
  table.insert(run.steps, {
    step = this.name, kind = this.kind, item = this.item, input = input, needs = needs,
    conditional = conditional or nil,
  })
  if input == nil then run.partial = true end
  return unknown.new(this.name, function() leave(run, this.name) end)
end

-- Notes a step whose input is known.
local function recall(this)
  local run, input = this.run, frozen.read(this.input)
  if this.kind == "sleep" then return { value = true } end
  local request = type(input) == "table" and this.kind ~= "step" and (input.body or input)
  if type(request) == "table" and estimator.has_prompt(request) then
    run.tokens = run.tokens + estimator.estimate(request)
  end
  return { value = add(run, this, input or {}) }
end

-- Notes a step whose input, or whether it is made at all, depends on answers that are in `value`;
-- returns nil where it holds none.
local function foresee(run, given, kind, value, conditional)
  local needs = unknown.names_in(value)
  if not needs[1] then return nil end
  return add(run, { name = given.name, kind = kind, item = given.item }, nil, needs, conditional)
end

--- Plans a run.
---@param flow table
---@param trigger any
---@return novita.Plan? plan
---@return novita.Error? err where JSON can't have the trigger
function plan.make(flow, trigger)
  local copy, err = frozen.copy(trigger)
  if err then return nil, err end
  if copy == nil then copy = {} end
  local loop = flow.settings.policy.loop or loops.here()
  local run = pass.new {
    id = "plan", started_at = loops.environment(loop).time(), store = flow.store, loop = loop,
    settings = flow.settings, new_client = flow.new_client, recall = recall, foresee = foresee,
    write = function() return "null" end, steps = core.array {}, tokens = 0, planned = {},
  }
  pass.execute(run, flow.fn, body.new(run), copy)
  local failure = run.failure and frozen.write_error(run.failure.error)
  return {
    steps = run.steps, complete = not (run.waits_for or run.partial or failure),
    waits_for = run.waits_for, tokens = math.ceil(run.tokens),
    error = failure and frozen.read_error(failure) or nil,
  }
end

return plan
