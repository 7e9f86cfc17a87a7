--- The loop of nginx with lua-nginx-module: OpenResty, or Debian's libnginx-mod-http-lua.
---
--- All of libcurl's work stays on the worker's own thread and takes no longer than there are bytes
--- to take; whoever waits, waits on an ngx.semaphore, and nginx goes on. Each worker has a pool of
--- its own, made by its first call, with connections that later requests use again.
---
--- **The driver** is one timer a worker, started by who needs it and gone after a second in which
--- nothing was in flight: one that never ended would keep old workers from leaving. It looks after
--- the pool. The bell (bell.c) says when: a thread that waits for the pool's descriptor and writes
--- a byte to a cosocket, so a token is here 0.1 ms after it came. Where no socket can be made the
--- driver looks at every TICK instead. At every BEAT it also looks for who has vanished, see below:
--- 4 ms of CPU in 5 s.
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
local semaphore = require("ngx.semaphore")

local BEAT = 0.08 -- seconds between two looks for who has vanished; upstream knows in 0.1
local TICK = 0.001 -- the same without a bell
local IDLE = 1 -- then the driver ends
local SLICE = 1 -- after which who waits makes sure that the driver lives
local SELF_TICK = 0.01 -- and how often one that has none looks for itself
local LONGEST = 2 ^ 31 - 1 -- milliseconds that a cosocket may wait
local DIRECTORIES = { "/dev/shm", "/tmp", "/var/tmp", ngx.config.prefix() }

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
---@field woken boolean?
---@field transfer novita.Transfer? that it waits for
---@field sleeping boolean?
---@field tie novita.Tie?
local methods = {}
local mt = { __name = "novita.task", __index = methods }

local threads = setmetatable({}, { __mode = "k" })

local function new_thread()
  return setmetatable({ semaphore = assert(semaphore.new()), done = false, children = {} }, mt)
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

-- It goes on when nginx comes to it, not at once.
local function rouse(thread)
  if thread.woken then return end
  thread.woken = true
  thread.semaphore:post(1)
end

-- Of a thread that waits: can nobody be woken any more? Its semaphore counts what was posted, less
-- who waits.
local function vanished(thread)
  return thread.semaphore:count() > (thread.woken and 0 or -1)
end

local function nap(thread, seconds)
  local ok, err = thread.semaphore:wait(math.ceil(seconds * 1000) / 1000)
  if not ok and err ~= "timeout" then error("novita: can't wait in nginx: " .. tostring(err), 0) end
end

-- The worker ------------------------------------------------------------------------------------

local worker

-- The connections of this worker: what it inherited when it was forked is not for it.
local function this_worker()
  if not (worker and worker.pool:usable()) then
    worker = { pool = core.pool(), waiting = {} }
  end
  return worker
end

-- Lets libcurl do what it can, and wakes those whose transfers have news.
local function turn(self)
  self.in_flight = self.pool:poll(0)
  local transfer = self.pool:ready()
  while transfer do
    local thread = self.waiting[transfer]
    if thread then rouse(thread) end
    transfer = self.pool:ready()
  end
end

-- Stops what nobody waits for any more.
local function reap(self)
  for transfer, thread in pairs(self.waiting) do
    if vanished(thread) then
      self.waiting[transfer] = nil
      transfer:cancel()
    end
  end
end

local function connect(bell)
  local socket = ngx.socket.tcp()
  socket:settimeouts(LONGEST, LONGEST, LONGEST)
  if socket:connect("unix:" .. bell:path()) and bell:start() then return socket end
  bell:close()
  return nil
end

local function hang_bell(pool)
  for _, directory in ipairs(DIRECTORIES) do
    local bell = pool:bell(directory)
    local socket = bell and connect(bell)
    if socket then return bell, socket end
  end
end

-- Takes a turn whenever the bell rings.
local function listen(self)
  local socket
  self.bell, socket = hang_bell(self.pool)
  local rung = self.bell ~= nil
  while rung do
    turn(self)
    self.bell:rearm()
    rung = socket:receiveany(64)
  end
  if self.bell then self.bell:close() end
  self.bell = nil
end

-- Is anything under way, or has been and is not yet known to who waits for it?
local function busy(self)
  return self.in_flight > 0 or next(self.waiting) ~= nil
end

-- Is there nothing more to do for a driver?
local function over(self, driver, since)
  if self.driver ~= driver then return true end
  return not busy(self) and (ngx.worker.exiting() or core.now() - since >= IDLE)
end

local function look_after(self, driver)
  local since = core.now()
  turn(self)
  while not over(self, driver, since) do
    reap(self)
    ngx.sleep(self.bell and BEAT or TICK)
    if not (self.bell and next(self.waiting)) then turn(self) end
    driver.seen, self.alone = core.now(), false
    if busy(self) then since = driver.seen end
  end
end

local function drive(_, self, driver)
  local listener = ngx.thread.spawn(listen, self)
  local ok, err = pcall(look_after, self, driver)
  if self.driver == driver then self.driver = nil end
  ngx.thread.kill(listener)
  if self.bell then self.bell:close() end
  self.bell = nil
  if not ok then ngx.log(ngx.ERR, "novita: ", err) end
end

-- Sees to it that the pool is looked after: by a driver or, where none can be started or the last
-- one died, by those who wait. Returns how long to wait before asking again.
local function ensure_driver(self)
  local now, driver = core.now(), self.driver
  if not driver or now - driver.seen > 2 * SLICE then
    self.alone = driver ~= nil
    driver = { seen = now }
    self.driver = ngx.timer.at(0, drive, self, driver) and driver
  end
  if self.driver and not self.alone then return SLICE end
  turn(self)
  return SELF_TICK
end

-- Waiting ---------------------------------------------------------------------------------------

-- Until woken, or until the time is up.
local function park(thread, seconds, self)
  local ends = seconds and core.now() + seconds
  while not thread.woken do
    local left = ends and ends - core.now() or math.huge
    if left <= 0 then break end
    nap(thread, math.min(left, self and ensure_driver(self) or SLICE))
  end
  local woken = thread.woken == true
  thread.woken = false
  return woken
end

local has_requests = ngx.config.subsystem == "http"
local get_request = require("resty.core.base").get_request

-- The transfer ends with the request that this thread is part of. A coroutine may be used again by
-- nginx, for another request.
local function tie(thread, transfer)
  if thread.tie and thread.tie:hold(transfer) then return end
  thread.tie = has_requests
    and core.tie(tonumber(ffi.cast("uintptr_t", ffi.cast("void *", get_request()))))
  if thread.tie then thread.tie:hold(transfer) end
end

--- Waits until a transfer has something new. Its owner has looked just before, so nothing that came
--- earlier is missed.
---@param transfer novita.Transfer
---@param seconds? number at most so long
---@return boolean news false when the time was up first
function ngx_loop.wait(transfer, seconds)
  local self, thread = worker, this_thread()
  tie(thread, transfer)
  self.waiting[transfer], thread.transfer = thread, transfer
  local news = park(thread, seconds, self)
  self.waiting[transfer], thread.transfer = nil, nil
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
  if task and task.resting then rouse(task) end
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
  return this_worker().pool
end

-- Tasks -----------------------------------------------------------------------------------------

--- Stops the call or the sleep that the task is in, and makes its later ones fail as cancelled.
function methods:cancel()
  if self.done then return end
  self.cancelled = true
  if self.transfer then self.transfer:cancel() end
  if self.transfer or self.resting then rouse(self) end
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
  for _, thread in ipairs(task.waiters or {}) do rouse(thread) end
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
