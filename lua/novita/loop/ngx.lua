--- The loop of nginx with lua-nginx-module: OpenResty, or Debian's libnginx-mod-http-lua.
---
--- All of libcurl's work stays on the worker's own thread and takes no longer than there are bytes
--- to take; whoever waits, waits on an ngx.semaphore, and nginx goes on. Each worker has a pool of
--- its own (worker.lua), made by its first call, with connections that later requests use again.
---
--- **Who waits may vanish** without a word: a request ends, a thread is killed. The transfer must
--- not outlive them, since tokens cost money. Three ties were tried. A cosocket of each request,
--- which nginx closes with it: 65 us of CPU and two descriptors a call. ngx.on_abort: needs
--- lua_check_client_abort, and knows nothing of errors and kills. What is used: nginx's own list of
--- what to do when a request ends (tie.c), 1 us, and the transfer stops in the same instant; and,
--- for what ends without its request, the semaphore's count, which says at the next beat whether
--- anybody is still there to be woken.
---
--- nginx notices that a client has left when it writes to it. While a model is silent nothing is
--- written: then it takes `lua_check_client_abort on;` in nginx.conf.

local ffi = require("ffi")

local compat = require("novita.compat")
local core = require("novita.core")
local ngx = rawget(_G, "ngx")
local worker = require("novita.loop.worker")

local SLICE = 1 -- seconds; a sleep looks up this often

local YIELDS = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true,
}
local NO_TIMER = { init = true, exit_worker = true }

local ngx_loop = { now = core.now }

-- Where nginx can't wait, before anything is sent.
local function check_phase()
  local phase = ngx.get_phase()
  if YIELDS[phase] then return end
  error(("novita: nginx can't wait in the %s phase%s"):format(phase, NO_TIMER[phase] and "" or
    "; start a timer there: ngx.timer.at(0, function() ... end)"), 0)
end

-- Threads ---------------------------------------------------------------------------------------

--- A light thread as far as it has to do with novita; a task, if novita.spawn has started it.
---@class novita.NgxTask: novita.Task
---@field semaphore table what it waits on
---@field waiter novita.Waiter what rouses it
---@field transfer novita.Transfer? that it waits for
---@field resting boolean? does it wait for something that is no transfer?
---@field tie novita.Tie?
---@field mortal boolean? may it end without its request?
local methods = {}
local mt = { __name = "novita.task", __index = methods }

local threads = setmetatable({}, { __mode = "k" })

local function new_thread()
  local thread = setmetatable({ done = false, children = {} }, mt)
  worker.equip(thread)
  return thread
end

local function this_thread()
  local coroutine_now = coroutine.running()
  local thread = threads[coroutine_now]
  if not thread then
    thread = new_thread()
    threads[coroutine_now] = thread
  end
  return thread
end

-- Waiting ---------------------------------------------------------------------------------------

-- Until roused, or until the time is up. Who waits for a transfer makes sure that the pool is
-- looked after; a driver is believed for a first nap.
local function park(thread, seconds)
  local ends = seconds and core.now() + seconds
  local length = thread.transfer and not worker.driven() and worker.ensure_driver() or SLICE
  local left = seconds or math.huge
  while left > 0 do
    worker.nap(thread, math.min(left, length))
    if thread.waiter:settle() then return true end
    if thread.transfer then length = worker.ensure_driver() end
    if ends then left = ends - core.now() end
  end
  return thread.waiter:settle()
end

local has_requests = ngx.config.subsystem == "http"
local get_request = require("resty.core.base").get_request

-- Was it started by ngx.thread.spawn? Then it can be killed. nginx says so when it refuses that a
-- thread kills itself. (A coroutine made inside such a thread is not one to nginx: what it leaves
-- behind is found when the driver has rested.)
local function is_spawned()
  local _, why = ngx.thread.kill(coroutine.running())
  return why ~= "not user thread"
end

local tied = setmetatable({}, { __mode = "kv" }) -- thread -> the transfer that it waited for last

-- The transfer ends with the request that this thread is part of. A coroutine may be used again by
-- nginx, for another request.
local function tie(thread, transfer)
  if tied[thread] == transfer then return end
  tied[thread] = transfer
  if thread.tie and thread.tie:hold(transfer) then return end
  thread.tie = has_requests
    and core.tie(tonumber(ffi.cast("uintptr_t", ffi.cast("void *", get_request()))))
  if thread.tie then thread.tie:hold(transfer) end
  thread.mortal = not thread.tie or is_spawned()
end

--- Waits until a transfer has something new. Its owner has looked just before, so nothing that came
--- earlier is missed.
---@param transfer novita.Transfer
---@param seconds? number at most so long
---@return boolean news false when the time was up first
function ngx_loop.wait(transfer, seconds)
  local thread = this_thread()
  tie(thread, transfer)
  thread.transfer = transfer
  worker.enter(transfer, thread)
  local news = park(thread, seconds)
  worker.leave(transfer, thread, news)
  thread.transfer = nil
  return news
end

-- Waits for something that is no transfer.
local function rest(thread, seconds)
  thread.resting = true
  park(thread, seconds)
  thread.resting = false
end

--- Waits so long.
---@param seconds number
---@return boolean whole false when the task was cancelled meanwhile
function ngx_loop.sleep(seconds)
  check_phase()
  local thread = this_thread()
  rest(thread, seconds)
  return not thread.cancelled
end

--- Lets the sleep of a task end soon.
---@param task novita.NgxTask?
function ngx_loop.wake(task)
  if task and task.resting then task.waiter:rouse() end
end

--- The light thread that this code is part of, or nil in a phase that has none.
---@return novita.NgxTask?
function ngx_loop.current()
  return coroutine.running() and this_thread()
end

--- The connections of this worker.
---@return novita.Pool
function ngx_loop.pool()
  check_phase()
  return worker.pool()
end

-- Tasks -----------------------------------------------------------------------------------------

--- Stops the call or the sleep that the task is in, and makes its later ones fail as cancelled.
function methods:cancel()
  if self.done then return end
  self.cancelled = true
  if self.transfer then self.transfer:cancel() end
  if self.transfer or self.resting then self.waiter:rouse() end
end

--- Waits for the end of the task.
---@return boolean ok false when its function raised an error
---@return any ... what it returned, or that error
function methods:join()
  local thread = this_thread()
  self.waiters = self.waiters or {}
  table.insert(self.waiters, thread)
  while not (self.done or thread.cancelled) do rest(thread) end
  self.seen = true
  local results = self.results or { n = 0 }
  return self.ok, compat.unpack(results, 1, results.n)
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

local function traced(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

local function finish(task, parent, ok, ...)
  task.done, task.ok = true, ok
  task.results = { n = select("#", ...), ... }
  parent.children[task] = nil
  if not ok and not parent.failed then parent.failed = task end
  for _, thread in ipairs(task.waiters or {}) do thread.waiter:rouse() end
end

--- Starts a task: a light thread of this request, which runs fn until it first waits.
---@param fn fun(): any ...
---@return novita.NgxTask
function ngx_loop.spawn(fn)
  check_phase()
  local task, parent = new_thread(), this_thread()
  parent.children[task] = true
  ngx.thread.spawn(function()
    local thread = coroutine.running()
    threads[thread] = task
    finish(task, parent, xpcall(fn, traced))
    threads[thread] = nil -- nginx may use it again
  end)
  return task
end

--- Runs until all tasks that this thread has started have ended; raises the first error of one that
--- nobody waited for.
function ngx_loop.run()
  local thread = this_thread()
  local child = next(thread.children)
  while child do
    local seen = child.seen
    child:join()
    child.seen = seen
    child = next(thread.children)
  end
  local failed = thread.failed
  thread.failed = nil
  if failed and not failed.seen then error(failed.results[1], 0) end
end

return ngx_loop
