--- What a worker of nginx has for all its requests: a pool, and somebody who looks after it.
---
--- nginx itself watches the pool's descriptor (watch.c): when there is work it gives libcurl a turn
--- and rouses the threads whose transfers have news, without any Lua. So a token is here 0.1 ms
--- after it came.
---
--- **The driver** is one timer a worker, started by who needs it and gone after a second in which
--- nothing was in flight: one that never ended would keep old workers from leaving. It has nginx
--- watch; or, where nginx is not as that expects, it hangs a bell (bell.c), a thread that waits for
--- the descriptor and writes a byte to a cosocket; or, where no socket can be made either, it gives
--- a turn at every TICK.
---
--- At every BEAT it looks for who has vanished (see ngx.lua), by the count of a semaphore. A beat
--- wakes an idle processor, at 0.1 ms of its time: so beats are rare while all is silent and nobody
--- waits who could vanish alone.

local ffi = require("ffi")

local core = require("novita.core")
local ngx = rawget(_G, "ngx")
local semaphore = require("ngx.semaphore")

local BEAT = 0.08 -- seconds between two looks for who has vanished; upstream knows in 0.1
local REST = 0.5 -- the same when none is expected
local TICK = 0.001 -- the same when nothing knows when there is work
local IDLE = 1 -- then the driver ends
local SLICE = 1 -- after which who waits makes sure that the driver lives
local SELF_TICK = 0.01 -- and how often one that has none looks for itself
local LONGEST = 2 ^ 31 - 1 -- milliseconds that a cosocket may wait
local DIRECTORIES = { "/dev/shm", "/tmp", "/var/tmp", ngx.config.prefix() }

---@class novita.NgxWorker
---@field pool novita.Pool
---@field waiting table<novita.Transfer, novita.NgxTask>
---@field in_flight integer?
---@field driver novita.NgxDriver?
---@field alone boolean? do those who wait look after the pool?

---@class novita.NgxDriver
---@field seen number when it last looked
---@field semaphore table
---@field signal novita.Watch|novita.Bell|nil what knows when there is work
---@field resting boolean? is it asleep for longer?

local worker = {}

-- Threads that wait -------------------------------------------------------------------------------

--- Gives a thread what it waits on and what rouses it.
---@param thread novita.NgxTask
function worker.equip(thread)
  thread.semaphore = assert(semaphore.new())
  local address = tonumber(ffi.cast("uintptr_t", thread.semaphore.sem))
  thread.waiter = assert(core.waiter(thread.semaphore, address, ngx.config.subsystem))
end

-- Of a thread that waits: can nobody be roused any more? Its semaphore counts what was posted, less
-- who waits.
local function vanished(thread)
  return thread.semaphore:count() > (thread.waiter:roused() and 0 or -1)
end

--- Waits on the semaphore of a thread.
---@param thread { semaphore: table }
---@param seconds number at most so long
function worker.nap(thread, seconds)
  local ok, err = thread.semaphore:wait(math.ceil(seconds * 1000) / 1000)
  if not ok and err ~= "timeout" then error("novita: can't wait in nginx: " .. tostring(err), 0) end
end

-- The pool ----------------------------------------------------------------------------------------

local this ---@type novita.NgxWorker

--- The pool of this process: what it inherited when it was forked is not for it.
---@return novita.Pool
function worker.pool()
  if not (this and this.pool:usable()) then
    this = { pool = core.pool(), waiting = {} }
  end
  return this.pool
end

local function turn(self)
  self.in_flight = self.pool:turn()
end

-- Stops what nobody waits for any more. Returns whether somebody is left who may vanish.
local function reap(self)
  local mortals = false
  for transfer, thread in pairs(self.waiting) do
    if vanished(thread) then
      self.waiting[transfer] = nil
      transfer:cancel()
    end
    mortals = mortals or thread.mortal
  end
  return mortals
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

-- Gives a turn whenever a bell rings.
local function listen(self, driver)
  local bell, socket = hang_bell(self.pool)
  driver.signal = bell
  local rung = bell ~= nil
  while rung do
    turn(self)
    bell:rearm()
    rung = socket:receiveany(64)
  end
  if bell then bell:close() end
  driver.signal = nil
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

-- Until the next look at what is in flight.
local function rest_between(self, driver)
  local mortals, signal = reap(self), driver.signal
  driver.resting = signal and not signal:rang() and busy(self) and not mortals
  worker.nap(driver, driver.resting and REST or signal and BEAT or TICK)
end

local function look_after(self, driver)
  local since = core.now()
  turn(self)
  while not over(self, driver, since) do
    rest_between(self, driver)
    turn(self)
    driver.seen, self.alone = core.now(), false
    if busy(self) then since = driver.seen end
  end
end

local function drive(_, self, driver)
  driver.signal = self.pool:watch()
  local listener = not driver.signal and ngx.thread.spawn(listen, self, driver)
  local ok, err = pcall(look_after, self, driver)
  if self.driver == driver then self.driver = nil end
  if listener then ngx.thread.kill(listener) end
  if driver.signal then driver.signal:close() end
  if not ok then ngx.log(ngx.ERR, "novita: ", err) end
end

--- Is there a driver that is not known to have failed?
---@return boolean
function worker.driven()
  return this.driver and not this.alone
end

--- Sees to it that the pool is looked after: by a driver or, where none can be started or the last
--- one died, by those who wait. Returns how long to wait before asking again.
---@return number seconds
function worker.ensure_driver()
  local self, now, driver = this, core.now(), this.driver
  if not driver or now - driver.seen > 2 * SLICE then
    self.alone = driver ~= nil
    driver = { seen = now, semaphore = assert(semaphore.new()) }
    self.driver = ngx.timer.at(0, drive, self, driver) and driver
  end
  if worker.driven() then return SLICE end
  turn(self)
  return SELF_TICK
end

--- A thread waits for a transfer from now on.
---@param transfer novita.Transfer
---@param thread novita.NgxTask
function worker.enter(transfer, thread)
  this.waiting[transfer] = thread
  thread.waiter:expect(transfer)
  local driver = this.driver
  if thread.mortal and driver and driver.resting then -- it has to look out again
    driver.resting = false
    driver.semaphore:post(1)
  end
end

--- And no more.
---@param transfer novita.Transfer
---@param thread novita.NgxTask
---@param roused boolean
function worker.leave(transfer, thread, roused)
  this.waiting[transfer] = nil
  if not roused then thread.waiter:expect(nil) end
end

return worker
