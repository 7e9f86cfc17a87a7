--- The pause after a 429: one for all calls that share it, and one for a whole burst.
--
-- It lasts as long as the server says, else 1, 2, 4 ... 60 seconds less some jitter, until a call
-- that started after it succeeds. Refusals of calls that were under way when it began are of the
-- same burst: they begin no other pause, and make this one longer only if they name a time.
--
-- Then calls come back by degrees, on the curve of TCP's CUBIC (RFC 9438): one goes first, soon
-- half as many are under way as before the pause, after RAMP seconds as many, where it lingers, and
-- then ever more. (Simulated, with all let go after the ramp it drew up to ten times the 429s.)

local compat = require "novita.compat"
local retry = require "novita.retry"

local cooldown = {}

local RAMP = 10

local GROWTH = retry.policy { initial_delay = 1, factor = 2, max_delay = 60, jitter = 0.25 }

--- Does an error say that too much was asked for? Not one of an empty account: no pause mends that.
---@param err table
---@return boolean
function cooldown.is_refusal(err)
  if retry.no_money(err) then return false end
  return err.status == 429 or err.kind == "rate_limit" or tonumber(err.code) == 429
end

---@class novita.Cooldown
---@field busy integer calls under way
---@field count integer pauses so far
---@field resume number when the latest pause ends or ended
local Cooldown = {}
local meta = { __index = Cooldown, __name = "novita.cooldown" }

---@class novita.CallUnderWay
---@field ended boolean
---@field stop fun() to be called at its end; happens by itself when it is collected

---@class novita.PauseBoard where processes tell each other of pauses
---@field read fun(): number when the latest one ends or ended
---@field write fun(resume: number, now: number)

---@param env novita.LimitEnv
---@param board novita.PauseBoard?
---@return novita.Cooldown
function cooldown.new(env, board)
  return setmetatable({
    env = env, board = board,
    busy = 0, count = 0, resume = -math.huge,
    level = 0, -- pauses since a success, the exponent of the next one
    before = 0, -- calls under way when the pause began
    fresh = 0, -- calls under way that started after it
  }, meta)
end

local function tell(self)
  if self.board then self.board.write(self.resume, self.env.now()) end
end

local function pause_until(self, resume)
  if self.env.now() >= self.resume then
    self.count, self.before, self.fresh = self.count + 1, self.busy, 0
  end
  self.resume = math.max(self.resume, resume)
end

--- Pauses everyone; within a pause it may only lengthen it.
---@param seconds number
function Cooldown:pause(seconds)
  pause_until(self, self.env.now() + seconds)
  tell(self)
end

--- Hears of the pauses of other processes.
function Cooldown:look()
  local resume = self.board and self.board.read() or -math.huge
  if resume > self.resume then pause_until(self, resume) end
end

--- May another call start, as far as the ramp goes? Asked when no pause is on.
---@return boolean
function Cooldown:has_room()
  if self.count == 0 then return true end
  local since = self.env.now() - self.resume
  return self.fresh < math.max(1, self.before * (1 + (since / RAMP - 1) ^ 3))
end

--- A call starts. It remembers after which pause.
---@return novita.CallUnderWay
function Cooldown:start()
  local call = { pause = self.count, ended = false }
  self.busy, self.fresh = self.busy + 1, self.fresh + 1
  -- It has ended: once is enough.
  function call.stop()
    if call.ended then return end
    call.ended = true
    self.busy = self.busy - 1
    if call.pause == self.count then self.fresh = self.fresh - 1 end
  end
  call.finalizer = compat.finalizer(call.stop)
  return call
end

--- A call has succeeded.
---@param call novita.CallUnderWay
function Cooldown:succeeded(call)
  if call.pause == self.count then self.level = 0 end
end

--- A call was answered by 429.
---@param call novita.CallUnderWay
---@param err table
function Cooldown:refused(call, err)
  local told = retry.told(err, self.env.time()) or 0
  if call.pause == self.count and told > 0 then
    self:pause(told)
  elseif call.pause == self.count then
    self:pause(retry.delay(GROWTH, self.level, nil, self.env.random))
    self.level = self.level + 1
  elseif told > 0 then
    self.resume = math.max(self.resume, self.env.now() + told)
    tell(self)
  end
end

return cooldown
