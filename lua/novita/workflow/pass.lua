--- One pass of a run: its body in a task, from the start or a retry until it is done or paused.
---
--- A step that fails, or is called while the run pauses, parks its task: it is never resumed, so no
--- code of the flow sees the failure. When no step is in flight the pass ends, and the tasks that
--- are parked, or wait for such, are abandoned.

local compat = require("novita.compat")
local core = require("novita.core")
local each = compat.each
local frozen = require("novita.workflow.frozen")
local misuse = require("novita.misuse")

local pass = {}

local LONG = 3600 -- seconds: a sleep that is ended by loop.wake
local TICK = 0.1 -- seconds between two looks at the count of interrupts

--- The values of record.failed_step after an error in the code outside of steps, and after the run
--- was stopped between steps.
pass.CODE, pass.STOPPED = "(code)", "(stopped)"

local function is_pausing(run)
  return run.failure ~= nil or run.stopping ~= nil
end

local function is_over(run)
  return (run.result or is_pausing(run)) and run.in_flight == 0
end

--- Wakes what waits for the end of the pass, if it has come or is near.
---@param run table
function pass.notify(run)
  if run.supervisor and (run.result or is_pausing(run)) then run.loop.wake(run.supervisor) end
end

-- Parking ---------------------------------------------------------------------------------------

--- Parks the running task for ever. Where it can't yield (in nginx, and in a metamethod of Lua 5.1)
--- it raises instead, which unwinds the flow to its end.
---@param run table
function pass.park(run)
  local loop = run.loop
  local task = loop.current()
  if not compat.can_yield(compat.running()) then
    error("the run pauses where Lua can't yield", 0)
  end
  run.tasks[task], run.parked[task] = true, true
  if run.over then task:abandon() end
  while true do
    loop.sleep(LONG)
    task.cancelled = nil -- a task that is cancelled sleeps no more
  end
end

-- Cancels the steps in flight; without `all` those that only sleep, which a retry goes on with.
local function cancel_steps(run, all)
  local list = {}
  for task, step in each(run.inside) do
    if all or step.kind == "sleep" then list[#list + 1] = task end
  end
  for _, task in ipairs(list) do task:cancel() end
end

--- Notes the first failure of a run; from here on steps park, and those in flight end.
---@param run table
---@param step string
---@param err any
function pass.fail(run, step, err)
  run.failure = run.failure or { step = step, error = err }
  cancel_steps(run, false)
  pass.notify(run)
end

--- Stops a run: no new step begins. With `now`, those in flight are cancelled; else they end first.
---@param run table
---@param why string
---@param now? boolean
function pass.stop(run, why, now)
  run.stopping = run.stopping or core.error { kind = "cancelled", message = why }
  cancel_steps(run, now == true)
  pass.notify(run)
end

--- Parks the running task if the run pauses.
---@param run table
function pass.heed(run)
  if is_pausing(run) then pass.park(run) end
end

-- Checks ----------------------------------------------------------------------------------------

-- Returns the step in flight whose function a task runs, or which has started the task.
local function step_around(run, task)
  local step = task.scope
  return step and step.run == run and run.inside[step.task] == step and step or nil
end

-- Raises where a step could not pause: in nginx it raises when it does.
local function check_pausable(task, name)
  if rawget(_G, "ngx") then return end
  local thread = compat.running()
  if not compat.can_yield(thread) then
    misuse.raise(('step "%s": Lua can\'t yield here: on Lua 5.1, not in a pcall'):format(name))
  elseif task.thread and task.thread ~= thread then
    misuse.raise(('step "%s": is in a coroutine of the flow\'s, which can\'t pause: novita.spawn '
      .. "starts a task"):format(name))
  end
end

--- Begins a step for the running task; raises for a step in a step and where the task could not be
--- parked, parks if the run pauses.
---@param run table
---@param name any
---@return novita.Task
function pass.enter(run, name)
  if type(name) ~= "string" or name == "" then misuse.expected("step", "a name", name) end
  if frozen.text(name) ~= name then
    misuse.expected("step", "a name in UTF-8 without NUL", name)
  end
  local task = run.loop.current()
  if not task or run.over and not is_pausing(run) then
    misuse.raise(('step "%s": the run is over, or never began'):format(name))
  end
  local outer = step_around(run, task)
  if outer then
    misuse.raise(('step "%s": is in the step "%s"; a step can\'t have steps'):format(name,
      outer.name))
  end
  check_pausable(task, name)
  pass.heed(run)
  run.tasks[task] = true
  return task
end

-- Execution -------------------------------------------------------------------------------------

local function run_body(run, fn, body, trigger)
  local ok, result = compat.traced(fn, body, trigger)
  if is_pausing(run) then return end
  local json, err
  if ok then
    json, err = run.write(result)
  else
    err = result
  end
  if not json then return pass.fail(run, pass.CODE, err) end
  run.result = json
  pass.notify(run)
end

-- Looks at the interrupts since the last look: the first lets the steps in flight end.
local function heed_interrupts(run)
  local count = run.watch and run.watch:count() or 0
  if count > 0 then pass.stop(run, "interrupted", count > 1) end
end

-- Does a task wait for one that is parked, so that it never goes on?
local function is_stalled(run, task)
  local seen = {}
  while task and not seen[task] and not run.parked[task] do
    seen[task], task = true, task.awaited
  end
  return task ~= nil and run.parked[task]
end

-- Ends the steps in flight whose functions never go on: those of tasks that were abandoned and,
-- when the run pauses, those that wait for tasks that are parked.
local function forsake_lost(run)
  local list = {}
  for task, step in each(run.inside) do
    if task.done or is_pausing(run) and is_stalled(run, task) then list[#list + 1] = step end
  end
  for _, step in ipairs(list) do
    run.forsake(step, step.task.done and "its task was abandoned"
      or "its function waits for a step, which the pause did not begin")
  end
end

local function supervise(run)
  while not is_over(run) do
    run.loop.sleep((run.watch or run.result or is_pausing(run)) and TICK or LONG)
    heed_interrupts(run)
    forsake_lost(run)
  end
  run.over = true
  for task in each(run.tasks) do
    if not task.done then task:abandon() end
  end
end

-- Waits for the end of the pass. If the waiting task is cancelled, so is the run.
local function await(run)
  run.supervisor:join()
  if run.supervisor.done then return end
  pass.stop(run, "cancelled", true)
  run.supervisor:join()
end

--- Runs the body of a flow until it returns or pauses. Then run.result (JSON),
--- run.failure or run.stopping tells how it ended.
---@param run table with loop, and what pass.new has made
---@param fn fun(body: table, trigger: any): any
---@param body novita.Run
---@param trigger any
function pass.execute(run, fn, body, trigger)
  local loop = run.loop
  run.supervisor = loop.spawn(function() supervise(run) end)
  local main = loop.spawn(function() run_body(run, fn, body, trigger) end)
  run.tasks[main] = true
  if run.over then main:abandon() end
  await(run)
end

--- Makes the state of a pass.
---@param fields table what it is of
---@return table run
function pass.new(fields)
  fields.in_flight, fields.reused, fields.counts = 0, {}, {}
  fields.inside, fields.tasks, fields.parked = {}, {}, {}
  fields.write = fields.write or frozen.write
  return fields
end

return pass
