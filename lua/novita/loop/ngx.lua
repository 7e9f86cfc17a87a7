--- The loop of nginx with lua-nginx-module: OpenResty, or Debian's libnginx-mod-http-lua.
---
--- libcurl runs on the worker's own thread and never blocks it; a light thread waits on an
--- ngx.semaphore. Each worker has one pool (ngx_worker.lua), made by its first call, whose
--- connections later requests reuse.
---
--- **A waiting thread may end without notice**: its request ends, or it is killed. Its transfer
--- must not outlive it, since tokens cost money. Three ways to notice were tried. A cosocket for
--- each request, which nginx closes with it: 65 us of CPU and two descriptors a call. ngx.on_abort:
--- needs lua_check_client_abort, and misses errors and kills. In use: a cleanup handler of the
--- request (cleanup.c), 1 us, which stops the transfer at once; and, for a thread that ends before
--- its request, the count of its semaphore, by which the driver sees that no thread waits on it.
---
--- nginx detects that a client has disconnected when it writes to it. While a model sends nothing,
--- nothing is written: this needs `lua_check_client_abort on;` in nginx.conf.

local ffi = require("ffi")

local compat = require("novita.compat")
local core = require("novita.core")
local ngx = rawget(_G, "ngx")
local task_class = require("novita.loop.task")
local worker = require("novita.loop.ngx_worker")

local SLICE = 1 -- seconds; the longest wait on a semaphore

local YIELDS = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true,
}
local NO_TIMER = { init = true, exit_worker = true }

local ngx_loop = { now = core.now, wake_by = worker.wake_by } ---@type novita.Loop

-- Raises in a phase in which nginx can't wait, before anything is sent.
local function check_phase()
  local phase = ngx.get_phase()
  if YIELDS[phase] then return end
  error(("novita: nginx can't wait in the %s phase%s"):format(phase, NO_TIMER[phase] and "" or
    "; start a timer there: ngx.timer.at(0, function() ... end)"), 0)
end

-- Threads ---------------------------------------------------------------------------------------

--- A light thread of nginx; a task if novita.spawn has started it.
---@class novita.NgxTask: novita.Task
---@field semaphore table what it waits on
---@field wakeup novita.Wakeup what wakes it
---@field waiters novita.NgxTask[]? those that wait for its end
---@field children table<novita.NgxTask, true> tasks that it started
---@field failed novita.NgxTask? the first of them that failed
---@field transfer novita.Transfer? that it waits for
---@field slot integer? of that transfer, in `waiting`
---@field worker novita.NgxWorker? that drives it
---@field suspended boolean? does it wait for something other than a transfer?
---@field cleanup novita.Cleanup? of its request
---@field thread thread? that was started for it
---@field parent novita.NgxTask? that started it
---@field awaits boolean? does it wait for the end of a task?
---@field condemned thread[]? of its children, which only it can kill
---@field killable boolean? may it end before its request?

local task_mt

local threads = setmetatable({}, { __mode = "k" })

local function new_thread()
  local thread = setmetatable({ done = false, children = {} }, task_mt)
  worker.init_semaphore(thread)
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

-- Kills the threads of abandoned children.
local function kill_condemned(thread)
  local condemned = thread.condemned
  thread.condemned = nil
  for _, child in ipairs(condemned or {}) do ngx.thread.kill(child) end
end

-- Waits until woken (true) or until the time is up. A thread that waits for a transfer makes sure
-- that the pool has a driver; one that has been started is trusted for a first SLICE.
local function park(thread, seconds)
  local deadline = seconds and core.now() + seconds
  local slice = thread.transfer and not worker.driven() and worker.ensure_driver() or SLICE
  local left = seconds or math.huge
  while left > 0 do
    worker.wait_semaphore(thread, math.min(left, slice))
    if thread.condemned then kill_condemned(thread) end
    if thread.wakeup:reset() then return true end
    if thread.transfer then slice = worker.ensure_driver() end
    if deadline then left = deadline - core.now() end
  end
  return thread.wakeup:reset()
end

local has_requests = ngx.config.subsystem == "http"
local get_request = require("resty.core.base").get_request

local next = compat.next

-- Returns whether ngx.thread.spawn started this thread, so that it can be killed: nginx refuses
-- that a thread kills itself with another message. (nginx does not count a coroutine made inside
-- such a thread; the driver finds its transfer after IDLE_INTERVAL.)
local function is_spawned()
  local _, why = ngx.thread.kill(coroutine.running())
  return why ~= "not user thread"
end

local bound = setmetatable({}, { __mode = "kv" }) -- thread -> the transfer that it waited for last

-- Makes the transfer end with the request of this thread. A new cleanup is made when nginx reuses
-- the coroutine for another request.
local function bind_to_request(thread, transfer)
  if bound[thread] == transfer then return end
  bound[thread] = transfer
  if thread.cleanup and thread.cleanup:add(transfer) then return end
  thread.cleanup = has_requests
    and core.cleanup(tonumber(ffi.cast("uintptr_t", ffi.cast("void *", get_request()))))
  if thread.cleanup then thread.cleanup:add(transfer) end
  thread.killable = not thread.cleanup or is_spawned()
end

--- Waits until a transfer has news. Its owner has looked just before, so none is missed.
---@param transfer novita.Transfer
---@param seconds? number at most so long
---@return boolean news false when the time was up first
function ngx_loop.wait(transfer, seconds)
  local thread = this_thread()
  if thread.cancelled then -- while it waited for nothing
    transfer:cancel()
    return true
  end
  bind_to_request(thread, transfer)
  thread.transfer = transfer
  worker.enter(transfer, thread)
  local news = park(thread, seconds)
  worker.leave(thread, news)
  thread.transfer = nil
  return news
end

-- Waits for something other than a transfer.
local function suspend(thread, seconds)
  thread.suspended = true
  park(thread, seconds)
  thread.suspended = false
end

--- Waits so long.
---@param seconds number
---@return boolean whole false when the task was cancelled meanwhile
function ngx_loop.sleep(seconds)
  check_phase()
  local thread = this_thread()
  if not thread.cancelled then suspend(thread, seconds) end
  return not thread.cancelled
end

--- Ends the sleep of a task.
---@param task novita.NgxTask?
function ngx_loop.wake(task)
  if task and task.suspended then task.wakeup:post() end
end

--- Returns the light thread that this code is part of, or nil in a phase that has none.
---@return novita.NgxTask?
function ngx_loop.current()
  return coroutine.running() and this_thread()
end

--- Returns the pool of this worker. Raises in a phase in which nginx can't wait.
---@return novita.Pool? pool nil where there are no descriptors for one
---@return novita.Error? err
function ngx_loop.pool()
  check_phase()
  return worker.pool()
end

-- Tasks -----------------------------------------------------------------------------------------

local function cancel(task)
  if task.transfer then task.transfer:cancel() end
  if task.transfer or task.suspended then task.wakeup:post() end
end

local function await(task)
  local thread = this_thread()
  task.waiters = task.waiters or {}
  table.insert(task.waiters, thread)
  thread.awaits = true
  while not (task.done or thread.cancelled) do suspend(thread) end
  thread.awaits = false
  return task.done
end

local function traced(err)
  return type(err) == "string" and compat.traceback(err, 2) or err
end

local function finish(task, ...)
  local parent = task.parent
  if task.done then return end -- abandoned
  task_class.finish(task, ...)
  parent.children[task] = nil
  if not task.ok and not parent.failed then parent.failed = task end
  for _, thread in ipairs(task.waiters or {}) do thread.wakeup:post() end
end

-- The parent kills the thread; one that runs, or has no parent any more, ends by itself.
local function abandon(task, err)
  local parent = task.parent
  if not parent or parent.done or task == this_thread() then cancel(task) end
  if not parent then return end -- the thread of a request
  if task.transfer then task.transfer:cancel() end
  finish(task, false, err)
  if parent.failed == task then parent.failed = nil end
  if parent.done or task == this_thread() then return end
  parent.condemned = parent.condemned or {}
  table.insert(parent.condemned, task.thread)
  if parent == this_thread() then
    kill_condemned(parent)
  elseif parent.awaits then
    parent.wakeup:post()
  end
end

task_mt = task_class.class {
  cancel = cancel, abandon = abandon, await = await, running = this_thread,
}

--- Starts a task: a light thread of this request, which runs fn until it first waits.
---@param fn fun(): any ...
---@return novita.NgxTask
function ngx_loop.spawn(fn)
  check_phase()
  local task, parent = new_thread(), this_thread()
  parent.children[task], task.parent, task.scope = true, parent, parent.scope
  ngx.thread.spawn(function()
    task.thread = coroutine.running()
    threads[task.thread] = task
    finish(task, xpcall(fn, traced))
    kill_condemned(task)
    threads[task.thread] = nil -- nginx may reuse it
  end)
  return task
end

--- Runs until all tasks that this thread has started have ended; raises the first error that no
--- join() has returned.
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
