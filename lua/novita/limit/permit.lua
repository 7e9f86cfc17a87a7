--- The permit of one attempt: the slot, the request and the tokens that it holds until it ends.

local throttle = require("novita.limit.throttle")
local estimator = require("novita.limit.estimator")

local permit = {}

---@class novita.Permit
---@field limiter novita.Limiter
---@field call novita.CallUnderWay
---@field request table? its entry in the window of requests
---@field tokens table? its entry in the window of tokens
---@field counted integer tokens of that entry now
local methods = {}
local mt = { __name = "novita.permit", __index = methods }

--- Changes the number of tokens that are counted.
function methods:correct(used)
  if not self.tokens then return end
  self.limiter.tokens:correct(self.tokens, used - self.counted, self.limiter.env.now())
  self.counted = used
end

--- Counts the tokens that were really used instead of the estimate, and learns from them.
---@param used integer
function methods:settle(used)
  self.limiter.history:learn(self.estimate, used)
  self:correct(used)
  self.limiter:serve()
end

--- Frees the slot. Idempotent.
function methods:release()
  self.call.stop()
  self.limiter:serve()
end

-- Returns whether the server may have generated tokens: not if it refused the request or did not
-- receive it. After a lost connection Novita goes on generating, and charges for it.
local function may_generate(err)
  return err.phase ~= nil and err.phase ~= "connect" and not (err.status and err.status >= 400)
end

--- Ends an attempt, in place of `settle` and `release`: pauses all calls after a 429, counts the
--- real usage or gives back the completion tokens of a failed call, and frees the slot.
---@param reply table? what the attempt returned
---@param err any
---@param policy novita.RetryPolicy? of the call
---@param waits integer? number of waits before this one
---@return number? seconds after a 429, how long this call waits, apart from the pause
function methods:finish(reply, err, policy, waits)
  local limiter = self.limiter
  if self.call.ended then return end
  err = type(err) == "table" and err or {}
  local seconds
  if reply ~= nil then
    limiter.throttle:on_success(self.call)
  elseif throttle.is_refusal(err) then
    seconds = limiter.throttle:on_refusal(self.call, err, policy, waits)
  end
  local used = estimator.used(reply or err.partial)
  if used then
    self:settle(used)
  elseif reply == nil and not may_generate(err) then
    self:correct(self.prompt)
  end
  self:release()
  return seconds
end

--- Makes a permit of what was taken for it.
---@param taken table
---@return novita.Permit
function permit.new(taken)
  return setmetatable(taken, mt)
end

return permit
