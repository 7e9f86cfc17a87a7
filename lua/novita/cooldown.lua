--- The pause after a 429: one for all calls that share it, and one for a whole burst.
--
-- It lasts as long as the server says, else 1, 2, 4 ... 60 seconds less some jitter, until a call
-- that started after it succeeds. Refusals of calls that were under way when it began are of the
-- same burst: they begin no other pause, and make this one longer only if they name a time.
--
-- Then calls come back by degrees, since all at once would be refused again: one goes first, after
-- RAMP seconds as many are under way as before the pause, and their number grows on as the square
-- of the time. (Simulated, with all let go after ten seconds it drew up to ten times the 429s.)

local retry = require "novita.retry"

local cooldown = {}

local RAMP = 5

local GROWTH = retry.policy { initial_delay = 1, factor = 2, max_delay = 60, jitter = 0.25 }

--- Does an error say that too much was asked for? Not one of an empty account: no pause mends that.
---@param err table
---@return boolean
function cooldown.is_refusal(err)
  if retry.no_money(err) then return false end
  return err.status == 429 or err.kind == "rate_limit" or tonumber(err.code) == 429
end

---@class novita.Cooldown
---@field count integer pauses so far
---@field resume number when the latest pause ends or ended
local Cooldown = {}
local meta = { __index = Cooldown, __name = "novita.cooldown" }

---@param env novita.LimitEnv
---@return novita.Cooldown
function cooldown.new(env)
  return setmetatable({
    env = env,
    count = 0, resume = -math.huge,
    level = 0, -- pauses since a success, the exponent of the next one
    before = 0, -- calls under way when the pause began
    fresh = 0, -- calls under way that started after it
  }, meta)
end

--- Pauses everyone; within a pause it may only lengthen it.
---@param seconds number
---@param busy integer calls under way
function Cooldown:pause(seconds, busy)
  local now = self.env.now()
  if now >= self.resume then
    self.count, self.before, self.fresh = self.count + 1, busy, 0
  end
  self.resume = math.max(self.resume, now + seconds)
end

--- May another call start, as far as the ramp goes? Asked when no pause is on.
---@return boolean
function Cooldown:has_room()
  if self.count == 0 then return true end
  local since = self.env.now() - self.resume
  return self.fresh < math.max(1, self.before * (since / RAMP) ^ 2)
end

--- A call starts. It remembers after which pause.
---@param call table
function Cooldown:start(call)
  call.pause = self.count
  self.fresh = self.fresh + 1
end

--- A call has ended, once for each that started.
---@param call table
function Cooldown:stop(call)
  if call.pause == self.count then self.fresh = self.fresh - 1 end
end

--- A call has succeeded.
---@param call table
function Cooldown:succeeded(call)
  if call.pause == self.count then self.level = 0 end
end

--- A call was answered by 429.
---@param call table
---@param err table
---@param busy integer calls under way
function Cooldown:refused(call, err, busy)
  local told = retry.told(err, self.env.time()) or 0
  if call.pause == self.count and told > 0 then
    self:pause(told, busy)
  elseif call.pause == self.count then
    self:pause(retry.delay(GROWTH, self.level, nil, self.env.random), busy)
    self.level = self.level + 1
  elseif told > 0 then
    self.resume = math.max(self.resume, self.env.now() + told)
  end
end

return cooldown
