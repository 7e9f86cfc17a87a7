--- The state of an nginx worker that all its requests share: a pool, and the driver of the pool.
---
--- nginx's own event loop watches the pool's descriptor (event.c): when it is readable, nginx
--- drives libcurl and wakes the threads whose transfers have news, without any Lua. So a token is
--- delivered 0.1 ms after it was received.
---
--- **The driver** is one timer a worker, started by the first thread that needs it. It ends after
--- IDLE seconds in which nothing was in flight, since a timer that never ended would keep old
--- workers from exiting. It has nginx watch the descriptor; or, where nginx's structures are not as
--- expected, it makes a notifier (notifier.c), a thread that waits for the descriptor and writes a
--- byte to a cosocket; or, where no socket can be made either, it polls every POLL_INTERVAL.
---
--- Every CHECK_INTERVAL it looks for threads that have ended without notice (see ngx.lua), by the
--- count of their semaphores. Such a check wakes an idle processor and takes 0.1 ms of it, so
--- checks are rare while nothing is received and no waiting thread can be killed.

local ffi = require("ffi")

local each = require("novita.compat").each
local core = require("novita.core")
local ngx = rawget(_G, "ngx")
local next = require("novita.compat").next
local semaphore = require("ngx.semaphore")

local CHECK_INTERVAL = 0.08 -- seconds between checks for ended threads: the server sees it in 0.1
local IDLE_INTERVAL = 0.5 -- the same when no thread is expected to end
local POLL_INTERVAL = 0.001 -- the same when nothing signals work
local IDLE = 1 -- seconds without transfers after which the driver ends
local SLICE = 1 -- seconds after which a waiting thread makes sure that the driver runs
local SELF_INTERVAL = 0.01 -- seconds between polls of a waiting thread without a driver
local MAX_TIMEOUT = 2 ^ 31 - 1 -- milliseconds, of a cosocket
local WAKEUPS = { event = true, thread = true, timer = true }
local DIRECTORIES = { "/dev/shm", "/tmp", "/var/tmp", ngx.config.prefix() }

---@class novita.NgxWorker
---@field pool novita.Pool
---@field waiting table<integer, novita.NgxTask> by the slots of the transfers
---@field transfers table<integer, novita.Transfer>
---@field in_flight integer?
---@field driver novita.NgxDriver?
---@field undriven boolean? true if waiting threads poll the pool themselves

---@class novita.NgxDriver
---@field last_check number when it last drove the pool
---@field semaphore table
---@field signal novita.NginxEvent|novita.Notifier|nil what signals work
---@field idle boolean? true while it waits for IDLE_INTERVAL

local worker = {}

-- Reads the way to wake up from the environment.
local function wakeup_from_environment()
  local name = os.getenv("NOVITA_NGINX_WAKEUP")
  if name == nil or name == "" then return "event" end
  if WAKEUPS[name] then return name end
  ngx.log(ngx.WARN, "novita: NOVITA_NGINX_WAKEUP is not event, thread or timer: ", name)
  return "event"
end

local wakeup = wakeup_from_environment()

--- Selects how work is signalled to this worker, from the next start of its driver on.
---@param way "event"|"thread"|"timer" an event of nginx's own loop; a thread and a unix socket (the
---  fallback without that event); a timer of 1 ms (the fallback without a socket)
function worker.wake_by(way)
  wakeup = way
end

-- Waiting threads ---------------------------------------------------------------------------------

--- Gives a thread a semaphore to wait on and the object that posts it.
---@param thread novita.NgxTask
function worker.init_semaphore(thread)
  thread.semaphore = assert(semaphore.new())
  local address = tonumber(ffi.cast("uintptr_t", thread.semaphore.sem))
  thread.wakeup = assert(core.wakeup(thread.semaphore, address, ngx.config.subsystem))
end

-- Returns true if a waiting thread is gone. Its semaphore counts posts less waiting threads.
local function is_gone(thread)
  return thread.semaphore:count() > (thread.wakeup:posted() and 0 or -1)
end

--- Waits on the semaphore of a thread or of the driver.
---@param thread { semaphore: table }
---@param seconds number at most so long
function worker.wait_semaphore(thread, seconds)
  local ok, err = thread.semaphore:wait(math.ceil(seconds * 1000) / 1000)
  if not ok and err ~= "timeout" then error("novita: can't wait in nginx: " .. tostring(err), 0) end
end

-- The pool ----------------------------------------------------------------------------------------

local current ---@type novita.NgxWorker

--- Returns the pool of this process: one that it inherited when it was forked is not usable.
---@return novita.Pool? pool nil where there are no descriptors for one
---@return novita.Error? err
function worker.pool()
  if not (current and current.pool:usable()) then
    local pool, err = core.pool()
    if not pool then return nil, err end
    current = { pool = pool, waiting = {}, transfers = {} }
  end
  return current.pool
end

local function drive(self)
  self.in_flight = self.pool:dispatch()
end

-- Cancels the transfers of threads that are gone, or that wait for another one: nginx uses a
-- coroutine again. Returns whether a thread is left that can be killed.
local function cancel_abandoned(self)
  local killable = false
  for slot, thread in each(self.waiting) do
    if thread.slot ~= slot or is_gone(thread) then
      local transfer = self.transfers[slot]
      self.waiting[slot], self.transfers[slot] = nil, nil
      if transfer:slot() then transfer:cancel() end
    end
    killable = killable or thread.killable
  end
  return killable
end

local function connect(notifier)
  local socket = ngx.socket.tcp()
  socket:settimeouts(MAX_TIMEOUT, MAX_TIMEOUT, MAX_TIMEOUT)
  if socket:connect("unix:" .. notifier:path()) and notifier:start() then return socket end
  notifier:close()
  return nil
end

local function open_notifier(pool)
  for _, directory in ipairs(DIRECTORIES) do
    local notifier = pool:notifier(directory)
    local socket = notifier and connect(notifier)
    if socket then return notifier, socket end
  end
end

-- Drives the pool whenever the notifier writes to its socket.
local function listen(self, driver)
  local notifier, socket = open_notifier(self.pool)
  driver.signal = notifier
  local readable = notifier ~= nil
  while readable do
    drive(self)
    notifier:rearm()
    readable = socket:receiveany(64)
  end
  if notifier then notifier:close() end
  driver.signal = nil
end

-- Is a transfer in flight, or has one ended whose thread has not resumed yet?
local function is_busy(self)
  return self.in_flight > 0 or next(self.waiting) ~= nil
end

-- Has the driver been replaced, or nothing left to do?
local function is_over(self, driver, last_busy)
  if self.driver ~= driver then return true end
  return not is_busy(self) and (ngx.worker.exiting() or core.now() - last_busy >= IDLE)
end

-- Waits until the next check of the transfers in flight.
local function wait_between_checks(self, driver)
  local killable, signal = cancel_abandoned(self), driver.signal
  driver.idle = signal and not signal:fired() and is_busy(self) and not killable
  worker.wait_semaphore(driver, driver.idle and IDLE_INTERVAL or signal and CHECK_INTERVAL
    or POLL_INTERVAL)
end

local function run_driver(self, driver)
  local last_busy = core.now()
  drive(self)
  while not is_over(self, driver, last_busy) do
    wait_between_checks(self, driver)
    drive(self)
    driver.last_check, self.undriven = core.now(), false
    if is_busy(self) then last_busy = driver.last_check end
  end
end

local function on_timer(_, self, driver)
  driver.signal = wakeup == "event" and self.pool:event() or nil
  local needs_notifier = not driver.signal and wakeup ~= "timer"
  local listener = needs_notifier and ngx.thread.spawn(listen, self, driver)
  local ok, err = pcall(run_driver, self, driver)
  if self.driver == driver then self.driver = nil end
  if listener then ngx.thread.kill(listener) end
  if driver.signal then driver.signal:close() end
  if not ok then ngx.log(ngx.ERR, "novita: ", err) end
end

--- Returns whether the pool has a driver that is not known to have failed.
---@return boolean
function worker.driven()
  return current.driver and not current.undriven
end

--- Makes sure that the pool is driven: by a driver or, where none can be started or the last one
--- failed, by the waiting threads. Returns how long to wait before the next call.
---@return number seconds
function worker.ensure_driver()
  local self, now, driver = current, core.now(), current.driver
  if not driver or now - driver.last_check > 2 * SLICE then
    self.undriven = driver ~= nil
    driver = { last_check = now, semaphore = assert(semaphore.new()) }
    self.driver = ngx.timer.at(0, on_timer, self, driver) and driver
  end
  if worker.driven() then return SLICE end
  drive(self)
  return SELF_INTERVAL
end

--- Registers a thread that waits for a transfer. News that came since the owner of the transfer
--- looked, while other code ran, wake it too.
---@param transfer novita.Transfer
---@param thread novita.NgxTask
function worker.enter(transfer, thread)
  local self, slot = current, transfer:slot()
  thread.worker, thread.slot = self, slot
  if not slot then return thread.wakeup:post() end -- it is closed
  self.waiting[slot], self.transfers[slot] = thread, transfer
  thread.wakeup:listen(transfer)
  if transfer:news() then thread.wakeup:post() end
  local driver = self.driver
  if thread.killable and driver and driver.idle then -- end its long wait
    driver.idle = false
    driver.semaphore:post(1)
  end
end

--- Removes a thread that no longer waits.
---@param thread novita.NgxTask
---@param woken boolean
function worker.leave(thread, woken)
  local self, slot = thread.worker, thread.slot
  if slot then self.waiting[slot], self.transfers[slot], thread.slot = nil, nil, nil end
  if not woken then thread.wakeup:listen(nil) end
end

return worker
