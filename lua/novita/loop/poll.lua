--- The loop of scripts: waits by polling, in slices short enough for Ctrl-C.
---
--- It offers what every loop offers (now, sleep, wait, spawn, current, and its pool), so that a
--- call is written once, as straight-line code. A task is a coroutine of spawn: what it waits for,
--- it waits for together with all the others, over one pool in one thread. Code that can't yield
--- (outside a task, in a coroutine of its own, in a callback of table.sort ...) blocks, and the
--- tasks go on meanwhile.

local compat = require("novita.compat")
local core = require("novita.core")

local SLICE = 0.1 -- seconds; a signal that comes just before a poll is noticed after it

local poll = { now = core.now }

local pool
local waiting = {} -- transfer -> the waiter for its news
local timers = {} -- { at, waiter }, the earliest last
local running -- the task whose code runs
local alive = 0 -- tasks that have not ended
local failed = {} -- tasks that ended with an error

--- The connections of this process; a child made by fork gets its own.
function poll.pool()
  if not (pool and pool:usable()) then pool = core.pool() end
  return pool
end

--- The task that this code is part of, or nil.
---@return novita.Task?
function poll.current()
  return running
end

-- Later timers stand first; of two for the same moment, the older one goes off first.
local function add_timer(at, waiter)
  local low, high = 1, #timers + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if timers[middle].at > at then low = middle + 1 else high = middle end
  end
  table.insert(timers, low, { at = at, waiter = waiter })
end

local function remove_timer(waiter)
  for position = #timers, 1, -1 do
    if timers[position].waiter == waiter then return table.remove(timers, position) end
  end
end

local function finish(task, ok, ...)
  alive = alive - 1
  task.done, task.ok = true, ok
  task.results = { n = select("#", ...), ... }
  if ok then return end
  failed[#failed + 1] = task
  if type(task.results[1]) == "string" then
    task.traceback = debug.traceback(task.thread, task.results[1])
  end
end

local wake

local function resume(task)
  local before = running
  running = task
  local function after(...)
    running = before
    if coroutine.status(task.thread) == "dead" then
      finish(task, ...)
      for _, waiter in ipairs(task.waiters) do wake(waiter) end
    elseif not task.waiter then
      add_timer(core.now(), { task = task }) -- it yielded by itself: others first, then on
    end
  end
  after(coroutine.resume(task.thread))
end

function wake(waiter)
  if waiter.ready then return end
  waiter.ready = true
  if waiter.task then resume(waiter.task) end
end

-- How long to wait for news: until the first timer, or a slice.
local function pause()
  if not timers[1] then return SLICE end
  return math.max(0, math.min(timers[#timers].at - core.now(), SLICE))
end

-- Wakes those whose time has come.
local function run_timers()
  local now = core.now()
  while timers[1] and timers[#timers].at <= now do
    local timer = table.remove(timers)
    timer.waiter.timed_out = true
    wake(timer.waiter)
  end
end

-- One turn of the loop: waits, and wakes those for whom there is something by now. What comes while
-- they run has its turn after the timers.
local function step()
  local current, ready = poll.pool(), {}
  current:poll(pause())
  for transfer in current.ready, current do ready[#ready + 1] = transfer end
  for _, transfer in ipairs(ready) do
    local waiter = waiting[transfer]
    if waiter then
      waiter.news = true
      wake(waiter)
    end
  end
  run_timers()
end

local function block(waiter)
  while not waiter.ready do step() end
end

-- Lets others run until the waiter is woken.
local function park(waiter)
  local task = running
  if task then task.waiter = waiter end
  if task and compat.can_yield(task.thread) then
    waiter.task = task
    coroutine.yield()
  else
    block(waiter)
  end
  if task then task.waiter = nil end
end

--- Waits so long.
---@param seconds number
---@return boolean whole false when the task was cancelled, now or before
function poll.sleep(seconds)
  if running and running.cancelled then return false end
  local waiter = {}
  add_timer(core.now() + seconds, waiter)
  park(waiter)
  if not waiter.timed_out then remove_timer(waiter) end
  return not waiter.cancelled
end

-- Ctrl-C ends the waiting of a blocked program: nobody wants the answer any more.
local function park_unless_interrupted(waiter)
  if running and compat.can_yield(running.thread) then return park(waiter) end
  local ok, err = pcall(park, waiter)
  if ok then return end
  waiting[waiter.transfer] = nil
  waiter.transfer:cancel()
  error(err, 0)
end

--- Waits until a transfer has something new. Its owner has looked just before, so nothing that
--- came earlier is missed.
---@param transfer novita.Transfer
---@param seconds? number at most so long
---@return boolean news false when the time was up first
function poll.wait(transfer, seconds)
  if waiting[transfer] then error("another task is waiting for this answer already", 2) end
  local waiter = { transfer = transfer }
  waiting[transfer] = waiter
  if seconds then add_timer(core.now() + seconds, waiter) end
  park_unless_interrupted(waiter)
  waiting[transfer] = nil
  if seconds and not waiter.timed_out then remove_timer(waiter) end
  return waiter.news == true
end

---@class novita.Task
---@field done boolean
---@field cancelled boolean?
local methods = {}
local mt = { __name = "novita.task", __index = methods }

--- Stops the call or the sleep that the task is in, and makes its later ones fail as cancelled.
function methods:cancel()
  if self.done then return end
  self.cancelled = true
  local waiter = self.waiter
  if not waiter then return end
  if waiter.transfer then return waiter.transfer:cancel() end
  waiter.cancelled = true
  wake(waiter)
end

local function forget_failure(task)
  for position, other in ipairs(failed) do
    if other == task then return table.remove(failed, position) end
  end
end

--- Waits for the end of the task.
---@return boolean ok false when its function raised an error, or the waiting task was cancelled
---@return any ... what it returned, or that error
function methods:join()
  if self == running then error("a task can't wait for itself", 2) end
  if not self.done then
    local waiter = {}
    table.insert(self.waiters, waiter)
    park(waiter)
    if not self.done then
      return false, core.error { kind = "cancelled", message = "the waiting task was cancelled" }
    end
  end
  if not self.ok then forget_failure(self) end
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

--- Starts a task: runs fn until it first waits; it goes on while others wait, or in run().
---@param fn fun(): any ...
---@return novita.Task
function poll.spawn(fn)
  if type(fn) ~= "function" then
    error(("spawn: function expected, got %s"):format(type(fn)), 2)
  end
  local task = setmetatable({ thread = coroutine.create(fn), waiters = {}, done = false }, mt)
  alive = alive + 1
  resume(task)
  return task
end

--- Runs until all tasks have ended; raises the first error of a task that nobody waited for.
function poll.run()
  if running then error("run() would wait for the task that calls it", 2) end
  while alive > 0 do step() end
  local task = failed[1]
  failed = {}
  if task then error(task.traceback or task.results[1], 0) end
end

return poll
