--- Makes the state of a loop whole again after an error in the scheduler's own code. A debug hook
--- raises one at any instruction (Ctrl-C is such a hook), a finalizer at any allocation before 5.2.

local core = require("novita.core")
local each = require("novita.compat").each
local resuming = require("novita.loop.resuming")

local recovery = {}

-- Ends a task whose end was interrupted; resumes one that was lost on the way, which does no harm
-- to others. Returns whether it is alive.
local function restore(state, task, err)
  if task.done then
    resuming.settle(task)
  elseif coroutine.status(task.thread) == "dead" then
    resuming.finish(task, false, err)
  elseif coroutine.status(task.thread) == "suspended"
    and (not task.waiter or task.waiter.ready) then
    resuming.add_timer(state, 0, { task = task })
  end
  return not task.done
end

-- Idempotent.
local function recover(state)
  local all, alive = {}, 0
  for task in each(state.tasks) do all[#all + 1] = task end
  for _, task in ipairs(all) do
    if restore(state, task, state.broken.err) then alive = alive + 1 end
  end
  for _, waiter in each(state.waiting) do
    if waiter.transfer:news() then state.ready[#state.ready + 1] = waiter end
  end
  state.alive = alive
  resuming.count_alive(state)
  if alive > 0 and state.host.on_alive then state.host.on_alive(true) end
  if state.host.on_timer then state.host.on_timer(core.now()) end
  state.broken = nil
end

--- Calls a function of the scheduler, which does not yield. After an error in it no task is lost;
--- the error is raised.
---@generic T, U
---@param state novita.SchedulerState
---@param fn fun(state: novita.SchedulerState, argument: T): U
---@param argument T
---@return U
function recovery.guard(state, fn, argument)
  if state.broken then recover(state) end
  local running, till = state.running, state.till
  local ok, result = pcall(fn, state, argument)
  if ok then return result end
  state.broken = { err = result }
  state.running, state.till = running, till
  recover(state)
  error(result, 0)
end

return recovery
