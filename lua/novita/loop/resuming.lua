--- Resumes and ends tasks, in the loops of scripts and of libuv.
---
--- A waiter is what a task or the code outside of tasks waits on: { ready, task, timer, news,
--- cancelled }. It is marked as ready before it leaves the list in which it waits, and a task looks
--- at the mark again whenever it is resumed. So an error that a hook or a finalizer raises here
--- loses no task: recovery.lua resumes those that are ready.

local compat = require("novita.compat")
local core = require("novita.core")
local task_class = require("novita.loop.task")
local timers = require("novita.loop.timers")

local resuming = {}

---@class novita.CoroutineTask: novita.Task
---@field thread thread? nil once it was abandoned
---@field state novita.SchedulerState
---@field waiter table? what it waits on
---@field waiters table[]? those that wait for its end
---@field awaited novita.CoroutineTask? whose end it waits for
---@field depth integer? of resumptions inside of each other
---@field abandoned novita.Error? its result, once it was abandoned
---@field reported boolean? true once its failure was reported

--- Sets the timer that wakes a waiter.
---@param state novita.SchedulerState
---@param at number
---@param waiter table
function resuming.add_timer(state, at, waiter)
  if timers.set(state.timers, at, waiter) and state.host.on_timer then state.host.on_timer(at) end
end

local add_timer = resuming.add_timer

--- Has a waiter woken by the next turn, in place of its timer.
---@param state novita.SchedulerState
---@param waiter table
function resuming.wake_soon(state, waiter)
  state.ready[#state.ready + 1] = waiter
  timers.clear(state.timers, waiter)
  if state.host.on_timer then state.host.on_timer(0) end
end

-- Ends ------------------------------------------------------------------------------------------

-- Reports a failure to those that join the task, else to run(), else to the host.
local function report_failure(task)
  local state, err = task.state, task.results[1]
  if type(err) == "string" then task.traceback = compat.traceback(err, task.thread) end
  if task.seen then return end
  if state.host.on_failure and not state.runner then
    state.host.on_failure(task)
  else
    state.failed[#state.failed + 1] = task
  end
end

--- Tells the host and run() whether tasks are left.
---@param state novita.SchedulerState
function resuming.count_alive(state)
  if state.alive > 0 then return end
  if state.runner then state.runner.ready = true end
  if state.host.on_alive then state.host.on_alive(false) end
end

--- Does all that the end of a task causes. Goes on where an error has interrupted it.
---@param task novita.CoroutineTask
function resuming.settle(task)
  local state = task.state
  if not task.ok and not task.reported then report_failure(task) end
  task.reported = true
  for _, waiter in ipairs(task.waiters or {}) do -- soon: a long chain would fill the stack
    if waiter.task then resuming.wake_soon(state, waiter) else waiter.ready = true end
  end
  if not state.tasks[task] then return end
  state.tasks[task] = nil
  state.alive = state.alive - 1
  resuming.count_alive(state)
end

--- Ends a task with what its function returned or raised.
---@param task novita.CoroutineTask
---@param ... any whether it returned, and what it returned or raised
function resuming.finish(task, ...)
  task_class.finish(task, ...)
  resuming.settle(task)
end

-- Resuming --------------------------------------------------------------------------------------

local function after_resume(task, before, ok, ...)
  task.state.running = before
  if task.done then -- abandoned while it ran
    task.thread, task.waiter = nil, nil
    return
  end
  if coroutine.status(task.thread) == "dead" then return resuming.finish(task, ok, ...) end
  if task.waiter == nil or task.waiter ~= ... then -- it yielded to let others run
    task.waiter = nil
    add_timer(task.state, core.now(), { task = task })
  end
end

--- Resumes a suspended task until it yields or ends.
---@param task novita.CoroutineTask
function resuming.resume(task)
  local before = task.state.running
  task.state.running, task.depth = task, before and before.depth + 1 or 1
  after_resume(task, before, coroutine.resume(task.thread))
end

--- Resumes the task of a waiter that is ready. A task that is not suspended yet (a finalizer or a
--- hook runs this inside it) is resumed at the next turn, unless it goes on without yielding.
---@param waiter table
function resuming.continue(waiter)
  local task = waiter.task
  if not task or task.done then return end
  if coroutine.status(task.thread) == "suspended" then return resuming.resume(task) end
  local of = waiter.of or waiter
  if of == task.waiter then add_timer(task.state, core.now(), { task = task, of = of }) end
end

--- Marks a waiter as ready and resumes its task.
---@param waiter table
function resuming.wake(waiter)
  if waiter.ready then return end
  waiter.ready = true
  resuming.continue(waiter)
end

return resuming
