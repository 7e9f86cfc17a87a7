--- Tasks: coroutines that wait for a transfer, for a time, or for each other.
---
--- What the loops share in which novita resumes its tasks itself (poll.lua, uv.lua). tasks.new
--- makes the functions that every loop offers: now, sleep, wait, spawn, current, wake, run, pool.
--- Such a loop adds how code outside a task waits, and who calls turn() when there is work.

local compat = require("novita.compat")
local core = require("novita.core")

local tasks = {}

---@class novita.Task
---@field done boolean
---@field ok boolean? once done: did its function return?
---@field cancelled boolean?
---@field seen boolean? has somebody had its results, or will?
---@field results? table once done: what its function returned, or the error
---@field traceback? string of an error that is a string
local methods = {}
local mt = { __name = "novita.task", __index = methods }

-- Later timers stand first; of two for the same moment, the older one goes off first.
local function add_timer(state, at, waiter)
  local timers = state.timers
  local low, high = 1, #timers + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if timers[middle].at > at then low = middle + 1 else high = middle end
  end
  table.insert(timers, low, { at = at, waiter = waiter })
  if low == #timers and state.host.on_timer then state.host.on_timer(at) end
end

local function remove_timer(state, waiter)
  for position = #state.timers, 1, -1 do
    if state.timers[position].waiter == waiter then return table.remove(state.timers, position) end
  end
end

local function remove(list, item)
  for position = #list, 1, -1 do
    if list[position] == item then return table.remove(list, position) end
  end
end

local wake

-- Who hears of a failure: those that wait for the task, or run(), or the host.
local function fail(task)
  local state, err = task.state, task.results[1]
  if type(err) == "string" then task.traceback = debug.traceback(task.thread, err) end
  if task.seen then return end
  if state.host.on_failure and not state.runner then
    state.host.on_failure(task)
  else
    state.failed[#state.failed + 1] = task
  end
end

local function finish(task, ok, ...)
  local state = task.state
  state.alive = state.alive - 1
  task.done, task.ok = true, ok
  task.results = { n = select("#", ...), ... }
  if not ok then fail(task) end
  for _, waiter in ipairs(task.waiters or {}) do -- not from here: a long chain would fill the stack
    if waiter.task then add_timer(state, 0, waiter) else wake(waiter) end
  end
  if state.alive > 0 then return end
  if state.runner then state.runner.ready = true end
  if state.host.on_alive then state.host.on_alive(false) end
end

local function after_resume(task, before, ...)
  task.state.running = before
  if coroutine.status(task.thread) == "dead" then return finish(task, ...) end
  if not task.waiter then -- it yielded by itself: others first, then on
    add_timer(task.state, core.now(), { task = task })
  end
end

local function resume(task)
  local before = task.state.running
  task.state.running = task
  after_resume(task, before, coroutine.resume(task.thread))
end

function wake(waiter)
  if waiter.ready then return end
  waiter.ready = true
  if waiter.task then resume(waiter.task) end
end

-- Lets others run until the waiter is woken: what can't yield (code outside a task, in a coroutine
-- of its own, in a callback of table.sort) blocks, and the tasks go on meanwhile.
local function park(state, waiter)
  local task = state.running
  if task then task.waiter = waiter end
  if task and compat.can_yield(task.thread) then
    waiter.task = task
    coroutine.yield()
  else
    state.host.block(waiter)
  end
  if task then task.waiter = nil end
end

--- Stops the call or the sleep that the task is in, and makes its later ones fail as cancelled.
function methods:cancel()
  if self.done then return end
  self.cancelled = true
  local waiter = self.waiter
  if not waiter then return end
  if waiter.transfer then return waiter.transfer:cancel() end
  waiter.cancelled = true
  add_timer(self.state, 0, waiter)
end

--- Waits for the end of the task.
---@return boolean ok false when its function raised an error
---@return any ... what it returned, or that error
function methods:join()
  if self == self.state.running then error("a task can't wait for itself", 2) end
  self.seen = true
  remove(self.state.failed, self)
  if not self.done then
    local waiter = {}
    self.waiters = self.waiters or {}
    table.insert(self.waiters, waiter)
    park(self.state, waiter)
    if waiter.cancelled then
      remove(self.waiters, waiter)
      return false, core.error {
        kind = "cancelled", message = "cancelled while waiting for a task",
      }
    end
  end
  return self.ok, compat.unpack(self.results, 1, self.results.n)
end

local function unless_failed(ok, ...)
  if not ok then error((...), 0) end
  return ...
end

--- Waits for the end of the task and returns what its function returned, or raises its error.
---@return any ...
function methods:wait()
  return unless_failed(self:join())
end

-- Wakes those whose time has come by now, as long as there is time left.
local function run_timers(state, till)
  local timers = state.timers
  if not timers[1] then return end
  local now = core.now()
  while timers[1] and timers[#timers].at <= now do
    local waiter = table.remove(timers).waiter
    waiter.timed_out = true
    wake(waiter)
    if core.now() > till then return end
  end
end

-- Wakes those whose transfers have news by now, as long as there is time left; the rest has its
-- turn first in the next one. Returns whether there was time for all.
local function run_transfers(state, till)
  local ready, first = state.ready, 1
  if not ready[1] and state.pool and state.pool:usable() then
    for transfer in state.pool.ready, state.pool do ready[#ready + 1] = transfer end
  end
  if not ready[1] then return true end
  state.ready = {}
  while ready[first] and core.now() <= till do
    local waiter = state.waiting[ready[first]]
    first = first + 1
    if waiter then
      waiter.news = true
      wake(waiter)
    end
  end
  for index = first, #ready do table.insert(state.ready, ready[index]) end
  return not state.ready[1]
end

-- Seconds until the next timer, or nil.
local function due(state)
  local timers = state.timers
  return timers[1] and timers[#timers].at - core.now()
end

-- Wakes everybody for whom there is something, within so many seconds; returns how long until
-- there may be more, or nil.
local function turn(state, seconds)
  local till = seconds and core.now() + seconds or math.huge
  local before = state.till
  state.till = till
  run_timers(state, till)
  local all = run_transfers(state, till)
  run_timers(state, till)
  state.till = before
  if not all then return 0 end
  return due(state)
end

local function sleep(state, seconds)
  local task = state.running
  if task and task.cancelled then return false end
  local waiter = {}
  add_timer(state, core.now() + seconds, waiter)
  park(state, waiter)
  if not waiter.timed_out then remove_timer(state, waiter) end
  return not waiter.cancelled
end

-- Ctrl-C ends the waiting of a blocked program: nobody wants the answer any more.
local function park_unless_interrupted(state, waiter)
  local task = state.running
  if task and compat.can_yield(task.thread) then return park(state, waiter) end
  local ok, err = pcall(park, state, waiter)
  if ok then return end
  state.waiting[waiter.transfer] = nil
  waiter.transfer:cancel()
  error(err, 0)
end

local function wait(state, transfer, seconds)
  if state.waiting[transfer] then error("another task is waiting for this answer already", 3) end
  local waiter = { transfer = transfer }
  state.waiting[transfer] = waiter
  if seconds then add_timer(state, core.now() + seconds, waiter) end
  park_unless_interrupted(state, waiter)
  state.waiting[transfer] = nil
  if seconds and not waiter.timed_out then remove_timer(state, waiter) end
  return waiter.news == true
end

local function spawn(state, fn)
  if type(fn) ~= "function" then
    error(("spawn: function expected, got %s"):format(type(fn)), 3)
  end
  local task = setmetatable({ state = state, thread = coroutine.create(fn), done = false }, mt)
  state.alive = state.alive + 1
  if state.alive == 1 and state.host.on_alive then state.host.on_alive(true) end
  if state.host.defers and state.host.defers() then
    add_timer(state, 0, { task = task })
  else
    resume(task)
  end
  return task
end

-- A task that has run for a while lets the host have its turn.
local function breathe(state)
  local task = state.running
  if not task or core.now() < (state.till or 0) then return end
  if compat.can_yield(task.thread) then coroutine.yield() end
end

local function run(state)
  if state.running then error("run() would wait for the task that calls it", 3) end
  if state.alive > 0 then
    state.runner = {}
    local ok, err = pcall(state.host.block, state.runner)
    state.runner = nil
    if not ok then error(err, 0) end
  end
  local failed = state.failed
  state.failed = {}
  for _, task in ipairs(failed) do
    if not task.seen then error(task.traceback or task.results[1], 0) end
  end
end

---@class novita.TaskHost
---@field block fun(waiter: table) runs the loop until waiter.ready
---@field on_pool? fun(pool: novita.Pool) a pool was made
---@field on_timer? fun(at: number) an earlier moment to call turn() than all before
---@field on_alive? fun(alive: boolean) there are tasks now, or none any more
---@field on_failure? fun(task: novita.Task) it raised an error, and run() is not there to tell it
---@field defers? fun(): boolean may tasks not run right now?
---@field breathes? boolean must a task let go now and then, even if it need not wait?

--- Makes a loop.
---@param host novita.TaskHost
---@return table loop
function tasks.new(host)
  local state = { host = host, waiting = {}, ready = {}, timers = {}, failed = {}, alive = 0 }
  local loop = { now = core.now }

  --- The connections of this process; a child made by fork gets its own.
  function loop.pool()
    if not (state.pool and state.pool:usable()) then
      state.pool = core.pool()
      if host.on_pool then host.on_pool(state.pool) end
    end
    return state.pool
  end

  --- The task that this code is part of, or nil.
  ---@return novita.Task?
  function loop.current() return state.running end

  --- Waits so long.
  ---@param seconds number
  ---@return boolean whole false when the task was cancelled meanwhile
  function loop.sleep(seconds) return sleep(state, seconds) end

  --- Lets the sleep of a task end at the next turn.
  ---@param task novita.Task?
  function loop.wake(task)
    local waiter = task and task.waiter
    if waiter and not waiter.transfer then add_timer(state, 0, waiter) end
  end

  --- Waits until a transfer has something new. Its owner has looked just before, so nothing that
  --- came earlier is missed.
  ---@param transfer novita.Transfer
  ---@param seconds? number at most so long
  ---@return boolean news false when the time was up first
  function loop.wait(transfer, seconds) return wait(state, transfer, seconds) end

  --- Starts a task: runs fn until it first waits; it goes on while others wait, or in run().
  ---@param fn fun(): any ...
  ---@return novita.Task
  function loop.spawn(fn) return spawn(state, fn) end

  --- Runs until all tasks have ended; raises the first error of a task that nobody waited for.
  function loop.run() return run(state) end

  --- Wakes everybody for whom there is something, without waiting.
  ---@param seconds? number at most so long
  ---@return number? seconds until the next timer, 0 when there is more to do, nil for nothing
  function loop.turn(seconds) return turn(state, seconds) end

  --- When the next timer goes off.
  ---@return number? seconds from now, or nil when there is none
  function loop.due() return due(state) end

  if host.breathes then
    --- Called by a task between two steps of something long.
    function loop.breathe() return breathe(state) end
  end

  return loop
end

return tasks
