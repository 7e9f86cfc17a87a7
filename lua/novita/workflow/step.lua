--- One step: known again by its name and its input, and made only if it has no result yet.

local compat = require("novita.compat")
local core = require("novita.core")
local frozen = require("novita.workflow.frozen")
local journal = require("novita.workflow.journal")
local pass = require("novita.workflow.pass")
local prices = require("novita.batch.prices")
local stored = require("novita.store.stored")

local step = {}

local SAVE_FOR, PAUSE = 10, 0.1 -- seconds for which a result is saved again, and between two tries
local PASSING = { full = true, io = true } -- reasons for which it is
local ONCE = { moved = true, locked = true } -- what a store says once, and works all the same

---@class novita.workflow.Step
---@field run table
---@field name string
---@field kind string "chat", "step" ...
---@field input string JSON
---@field key string the hash of kind, version and input
---@field number integer among the steps of this name and key, from 1
---@field item? integer of the list of an each
---@field on_error? "return"|"collect" what becomes of a failure; by default the run pauses
---@field read? fun(value: any): any makes what the flow sees of a result
---@field task novita.Task that makes it
---@field outer any the scope of that task around the step
---@field attempt integer the number of the attempt in flight
---@field started number when that began, on the loop's clock

---@class novita.workflow.Outcome
---@field seconds number
---@field status? integer
---@field request_id? string
---@field prompt_tokens? integer
---@field completion_tokens? integer
---@field usd? number
---@field kind? string of the error
---@field message? string

-- The number of a step among those with its name and key.
local function number_of(run, name, key)
  local place = name .. "\n" .. key
  run.counts[place] = (run.counts[place] or 0) + 1
  return run.counts[place]
end

local function thaw(this, value)
  if this.read and value ~= nil then return this.read(value) end
  return value
end

-- The run can't go on: what happens is written down nowhere.
local function break_off(run, err)
  run.broken = run.broken or err
  pass.fail(run, pass.CODE, err)
  pass.park(run)
end

-- Calls on_step. What that raises stops the run, and is raised by what has started it.
local function tell(this, state, outcome)
  local run = this.run
  if not run.on_step then return end
  local ok, raised = compat.pcall(run.on_step, {
    step = this.name, kind = this.kind, item = this.item, state = state, attempt = this.attempt,
    seconds = outcome and outcome.seconds, error = outcome and outcome.message,
  })
  if ok then return end
  run.raised = run.raised or { raised }
  pass.stop(run, "on_step raised an error")
end

local function cost_of(this, result)
  local list = this.run.prices
  local price = list and (list[result.model] or list[frozen.read(this.input).model])
  return price and prices.cost(price, result.usage) or nil
end

-- The outcome of an attempt that has a result. That and the info may be any tables, with any
-- metatables, of a function of the flow.
local function success(this, result, info)
  local outcome = { seconds = this.run.loop.now() - this.started }
  if type(info) == "table" then
    local status = frozen.member(info, "status")
    local request_id = frozen.member(info, "request_id")
    outcome.status = type(status) == "number" and status % 1 == 0 and status or nil
    outcome.request_id = type(request_id) == "string" and frozen.text(request_id) or nil
  end
  if type(result) == "table" then
    outcome.prompt_tokens, outcome.completion_tokens = prices.tokens(
      frozen.member(result, "usage"))
    if this.kind ~= "step" then outcome.usd = cost_of(this, result) end
  end
  return outcome
end

-- The outcome of one that has failed.
local function failure(this, err)
  local fields = frozen.read(frozen.write_error(err))
  return {
    seconds = this.run.loop.now() - this.started, status = fields.status,
    request_id = fields.request_id, kind = fields.kind, message = fields.message,
  }
end

-- Notes that an attempt has failed and the next one follows after a wait.
local function note_retry(this, err)
  local outcome = failure(this, err)
  tell(this, "retried", outcome)
  if not journal.next_attempt(this, outcome) then return end -- the end of the step will say so
  this.attempt, this.started = this.attempt + 1, this.run.loop.now()
end

--- Returns a retry policy that notes each attempt of a step, too.
---@param this novita.workflow.Step
---@param policy novita.RetryPolicy
---@return novita.RetryPolicy
function step.noted(this, policy)
  local own = setmetatable({}, { __index = policy })
  function own.before(number, err, delay)
    note_retry(this, err)
    if policy.before then policy.before(number, err, delay) end
  end
  return own
end

local function enter_flight(this)
  local run = this.run
  run.in_flight, run.inside[this.task] = run.in_flight + 1, this
  this.outer, this.task.scope = this.task.scope, this
end

-- A step that was forsaken has left already.
local function leave_flight(this)
  local run = this.run
  if run.inside[this.task] ~= this then return end
  run.in_flight, run.inside[this.task] = run.in_flight - 1, nil
  this.task.scope = this.outer
end

-- Writes the end of a step, which may have been paid for: for some time again where the disk is
-- full. A store that says once that its file has moved, or that another has its lock, takes the
-- result all the same; then the run can't go on.
local function write_end(this, ...)
  local loop = this.run.loop
  local till = loop.now() + SAVE_FOR
  local ok, problem = journal.guarded(journal.end_step, this, ...)
  while not ok and PASSING[problem.reason] and loop.now() < till and loop.sleep(PAUSE) do
    ok, problem = journal.guarded(journal.end_step, this, ...)
  end
  if not ok and ONCE[problem.reason] then journal.guarded(journal.end_step, this, ...) end
  return ok, problem
end

-- Ends the step in the store; the result as JSON where there is one.
local function record(this, json, err, outcome)
  local run = this.run
  local returned = err and this.on_error == "return" and not run.stopping
  local state = json and "done" or returned and "returned" or "failed"
  local ok, problem = write_end(this, state, outcome, json,
    err and frozen.write_error(err) or nil)
  leave_flight(this)
  if not ok then break_off(run, problem) end
  tell(this, state, outcome)
  return state
end

-- Ends a failed step: the flow gets the error only if on_error says so.
local function conclude_failure(this, state, err)
  if state == "returned" or this.on_error == "collect" then
    return nil, core.error(frozen.read(frozen.write_error(err)))
  end
  pass.fail(this.run, this.name, err)
  pass.park(this.run)
end

-- Takes what the work of a step has returned.
local function conclude(this, ok, value, info)
  local err
  if not ok then
    err = value or tostring(value) -- error(nil) is a failure, too
  elseif value == nil and info ~= nil then
    err = info or tostring(info)
  end
  local json
  if err == nil then
    json, err = frozen.write(value)
  end
  local outcome = json and success(this, value, info) or failure(this, err)
  local state = record(this, json, err, outcome)
  if json then
    pass.notify(this.run)
    return thaw(this, frozen.read(json))
  end
  return conclude_failure(this, state, err)
end

local function begin(this)
  pass.heed(this.run) -- it may pause since the step was looked up
  this.attempt, this.started = 1, this.run.loop.now()
  enter_flight(this)
  local ok, problem = journal.guarded(journal.begin_step, this)
  if not ok then
    leave_flight(this)
    break_off(this.run, problem)
  end
  tell(this, "sent")
end

-- Returns what the store has of a step; the run pauses where that is damaged.
local function reuse(this, found)
  local what = ('run %s: what the step "%s" has brought'):format(this.run.id, this.name)
  if found.error then return nil, stored.error(found.error, what) end
  if found.result == "null" then return nil end
  local value, err = stored.read(found.result, what)
  if err then
    pass.fail(this.run, this.name, err)
    pass.park(this.run)
  end
  return thaw(this, value)
end

--- Makes a step, or returns what it brought before.
---@param run table
---@param given table name, kind, input, and perhaps version, item, on_error and read
---@param work fun(this: novita.workflow.Step): any, any makes it: a result and its info, or nil and
---  an error
---@return any result
---@return novita.Error? err with on_error
function step.perform(run, given, work)
  local this = given ---@type novita.workflow.Step
  this.run, this.task = run, pass.enter(run, given.name)
  this.key = frozen.key(given.kind, given.version, given.input)
  this.number = number_of(run, given.name, this.key)
  local found, problem = run.recall(this)
  if problem then break_off(run, problem) end
  if found then
    if found.value ~= nil then return found.value end
    tell(this, "reused")
    return reuse(this, found)
  end
  begin(this)
  return conclude(this, compat.traced(work, this))
end

--- Ends a step in flight whose function never goes on.
---@param this novita.workflow.Step
---@param why string
function step.forsake(this, why)
  local err = core.error { kind = "cancelled", message = why }
  local outcome = failure(this, err)
  local ok, problem = journal.guarded(journal.end_step, this, "failed", outcome, nil,
    frozen.write_error(err))
  leave_flight(this)
  if not ok then this.run.broken = this.run.broken or problem end
  tell(this, "failed", outcome)
end

--- Fails a step that can't even begin, because of its input.
---@param run table
---@param given table name, and perhaps on_error
---@param err any
---@return nil
---@return novita.Error? err with on_error
function step.refuse(run, given, err)
  pass.enter(run, given.name)
  return conclude_failure({ run = run, name = given.name, on_error = given.on_error },
    given.on_error and "returned" or "failed", err)
end

return step
