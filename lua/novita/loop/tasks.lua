--- Tasks as coroutines: how they start, wait and are cancelled in the loops of scripts and of
--- libuv. How they go on and end: resuming.lua.

local compat = require("novita.compat")
local core = require("novita.core")
local misuse = require("novita.misuse")
local recovery = require("novita.loop.recovery")
local resuming = require("novita.loop.resuming")
local task_class = require("novita.loop.task")
local timers = require("novita.loop.timers")

local MAX_DEPTH = 32 -- of tasks that start inside of each other, which takes stack of C

local tasks = {}

local add_timer = resuming.add_timer

local function remove(list, item)
  for position = #list, 1, -1 do
    if list[position] == item then return table.remove(list, position) end
  end
end

-- Waiting ---------------------------------------------------------------------------------------

--- Returns whether the running code is a task that can yield; code outside of tasks, in a coroutine
--- of its own or in a callback of table.sort can't.
---@param state novita.SchedulerState
---@return boolean?
function tasks.can_yield(state)
  local task = state.running
  return task and compat.can_yield(task.thread)
end

local function block_host(state, waiter) state.host.block(waiter) end

--- Suspends the running code until the waiter is ready. Code that can't yield runs the loop, and
--- with it the other tasks, until then.
---@param state novita.SchedulerState
---@param waiter table
---@param block? fun(state: novita.SchedulerState, waiter: table) runs the loop in the latter case
function tasks.park(state, waiter, block)
  local task = state.running
  local before = task and task.waiter -- not nil if a finalizer or a hook runs this
  if task then task.waiter = waiter end
  if not tasks.can_yield(state) then
    (block or block_host)(state, waiter)
  else
    waiter.task = task
    while not waiter.ready do coroutine.yield(waiter) end
  end
  if task then task.waiter = before end
end

local function cancel(task)
  local waiter = task.waiter
  if not waiter or waiter.ready then return end
  if waiter.transfer then
    if waiter.transfer:slot() then waiter.transfer:cancel() end
    return
  end
  waiter.cancelled = true
  resuming.wake_soon(task.state, waiter)
end

-- Takes a waiter out of the lists in which it waits.
local function withdraw(state, waiter)
  waiter.ready, waiter.task = true, nil
  timers.clear(state.timers, waiter)
  if not waiter.transfer then return end
  if waiter.list[waiter.slot] == waiter then waiter.list[waiter.slot] = nil end
  if waiter.transfer:slot() then waiter.transfer:cancel() end
end

local function detach(state, task)
  task_class.finish(task, false, task.abandoned)
  if coroutine.status(task.thread) ~= "suspended" then
    cancel(task)
  else
    if task.waiter then withdraw(state, task.waiter) end
    task.thread, task.waiter = nil, nil
  end
  resuming.settle(task)
end

local function abandon(task, err)
  task.abandoned = err
  recovery.guard(task.state, detach, task)
end

local function await(task)
  local state = task.state
  remove(state.failed, task)
  if task.done then return true end
  local waiter, waiting = {}, state.running
  task.waiters = task.waiters or {}
  table.insert(task.waiters, waiter)
  if waiting then waiting.awaited = task end
  if not task.done then tasks.park(state, waiter) end -- a finalizer may have ended it
  if waiting then waiting.awaited = nil end
  if not waiter.cancelled then return true end
  remove(task.waiters, waiter)
  return false
end

local mt = task_class.class {
  cancel = cancel, abandon = abandon, await = await,
  running = function(task) return task.state.running end,
}

--- Waits so long.
---@param state novita.SchedulerState
---@param seconds number
---@return boolean whole false when the task was cancelled meanwhile
function tasks.sleep(state, seconds)
  local task = state.running
  if task and task.cancelled then return false end
  local waiter = {}
  add_timer(state, core.now() + seconds, waiter)
  tasks.park(state, waiter)
  timers.clear(state.timers, waiter)
  return not waiter.cancelled
end

--- Yields if the running task has used up the time slice of the turn.
function tasks.breathe(state)
  if state.running and core.now() >= (state.till or 0) and tasks.can_yield(state) then
    coroutine.yield()
  end
end

-- Starting --------------------------------------------------------------------------------------

local function start(state, task)
  state.tasks[task], task.scope = true, state.running and state.running.scope
  state.alive = state.alive + 1
  if state.alive == 1 and state.host.on_alive then state.host.on_alive(true) end
  local parent = state.running
  if parent and parent.depth >= MAX_DEPTH or state.host.defers and state.host.defers() then
    add_timer(state, 0, { task = task })
  else
    resuming.resume(task)
  end
end

--- Starts a task: now, or at the next turn where the host defers it or many have started it inside
--- of each other.
---@param state novita.SchedulerState
---@param fn fun(): any ...
---@return novita.Task
function tasks.spawn(state, fn)
  if type(fn) ~= "function" then misuse.expected("spawn", "a function", fn) end
  local task = setmetatable({ -- with room for what each task gets
    state = state, thread = coroutine.create(fn), done = false, scope = nil, depth = nil,
    waiter = nil, results = nil, ok = nil,
  }, mt)
  recovery.guard(state, start, task)
  return task
end

-- Raises the first error that no join() has returned.
local function raise_failed(state)
  local failed = state.failed
  state.failed = {}
  for _, task in ipairs(failed) do
    if not task.seen then error(task.traceback or task.results[1], 0) end
  end
end

--- Runs until all tasks have ended; raises the first error that no join() has returned.
---@param state novita.SchedulerState
function tasks.run(state)
  if state.running then misuse.raise("run() would wait for the task that calls it") end
  local runner, before = {}, state.runner -- not nil if a finalizer or a hook runs this
  state.runner = runner
  if state.alive > 0 then
    local ok, err = pcall(state.host.block, runner)
    state.runner = before
    if not ok then error(err, 0) end
  end
  state.runner = before
  if before and state.alive == 0 then before.ready = true end
  raise_failed(state)
end

return tasks
