--- The pause after a 429: all calls share it, and a burst of 429s causes only one.
--
-- It lasts as long as the server says, else as long as the retry policy delays the refused call (1,
-- 2, 4 ... 60 seconds less jitter). Each pause is longer than the one before, until a call that
-- started after it succeeds. Without limits it is the delay of that call. Refusals of calls that
-- were in flight when the pause began belong to the same burst: they start no other pause, and
-- lengthen this one only if they name a time.
--
-- After the pause the concurrency grows on the curve of TCP's CUBIC (RFC 9438): one call at first,
-- soon half as many as before the pause, as many after RAMP seconds, where the curve is flat, and
-- then more and more. (In a simulation, no limit after the ramp caused up to ten times the 429s.)

local compat = require("novita.compat")
local retry = require("novita.retry")

local throttle = {}

local RAMP = 10

local DEFAULT_POLICY = retry.policy(nil)

--- Returns whether a rate limit refused the call. Not if the account is empty: a pause is no help.
---@param err table
---@return boolean
function throttle.is_refusal(err)
  if retry.quota_exhausted(err) then return false end
  return err.status == 429 or err.kind == "rate_limit" or tonumber(err.code) == 429
end

---@class novita.Throttle
---@field busy integer calls in flight
---@field count integer pauses so far
---@field resume number when the latest pause ends or ended
local methods = {}
local mt = { __name = "novita.throttle", __index = methods }

---@class novita.CallInFlight
---@field ended boolean
---@field stop fun() marks its end; its finalizer calls it too. Idempotent

---@class novita.SharedPause the pause that several processes share
---@field read fun(): number returns when the latest pause ends or ended
---@field write fun(resume: number, now: number)

---@param env novita.LimitEnv
---@param shared novita.SharedPause?
---@return novita.Throttle
function throttle.new(env, shared)
  return setmetatable({
    env = env, shared = shared,
    busy = 0, count = 0, resume = -math.huge,
    level = 0, -- pauses since a success, the exponent of the next one
    grows = true, -- false if a pause is only the delay of the refused call
    before = 0, -- calls in flight when the pause began
    fresh = 0, -- calls in flight that started after it
  }, mt)
end

-- Publishes the pause to the other processes.
local function publish(self)
  if self.shared then self.shared.write(self.resume, self.env.now()) end
end

local function pause_until(self, resume)
  if self.env.now() >= self.resume then
    self.count, self.before, self.fresh = self.count + 1, self.busy, 0
  end
  self.resume = math.max(self.resume, resume)
end

--- Pauses all calls; a pause that is on can only get longer.
---@param seconds number
function methods:pause(seconds)
  pause_until(self, self.env.now() + seconds)
  publish(self)
end

--- Takes over the pauses of other processes.
function methods:update()
  local resume = self.shared and self.shared.read() or -math.huge
  if resume > self.resume then pause_until(self, resume) end
end

--- Returns whether the ramp allows another call; not to be called in a pause.
---@return boolean
function methods:has_room()
  if self.count == 0 then return true end
  local since = self.env.now() - self.resume
  return self.fresh < math.max(1, self.before * (1 + (since / RAMP - 1) ^ 3))
end

--- Counts a call that starts.
---@return novita.CallInFlight
function methods:start()
  local call = { pause = self.count, ended = false }
  self.busy, self.fresh = self.busy + 1, self.fresh + 1
  -- Idempotent.
  function call.stop()
    if call.ended then return end
    call.ended = true
    self.busy = self.busy - 1
    if call.pause == self.count then self.fresh = self.fresh - 1 end
  end
  call.finalizer = compat.finalizer(call.stop)
  return call
end

--- Records a success.
---@param call novita.CallInFlight
function methods:on_success(call)
  if call.pause == self.count then self.level = 0 end
end

--- Records a 429: starts or lengthens the pause. Returns how long this call waits, apart from it.
---@param call novita.CallInFlight
---@param err table
---@param policy novita.RetryPolicy? of the call
---@param waits integer? number of waits before this one
---@return number seconds
function methods:on_refusal(call, err, policy, waits)
  local server_delay, current = retry.server_delay(err, self.env.time()), call.pause == self.count
  local level = math.max(waits or 0, current and self.level or 0)
  local seconds = retry.delay(policy or DEFAULT_POLICY, level, server_delay, self.env.random)
  if current then
    if seconds > 0 then self:pause(seconds) end
    if not server_delay and self.grows then self.level = self.level + 1 end
  elseif server_delay and server_delay > 0 then
    self.resume = math.max(self.resume, self.env.now() + server_delay)
    publish(self)
  end
  return seconds
end

--- Returns how long the pause still lasts.
---@return number seconds 0 without one
function methods:rest()
  self:update()
  return math.max(0, self.resume - self.env.now())
end

return throttle
