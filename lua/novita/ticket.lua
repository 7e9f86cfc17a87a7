--- A turn that a limiter has granted: what was taken for it, and what comes of it.

local cooldown = require "novita.cooldown"
local tokens = require "novita.tokens"

local ticket = {}

---@class novita.Ticket
---@field limiter novita.Limiter
---@field call novita.CallUnderWay
---@field request table? in the budget of requests
---@field tokens table? in the budget of tokens
---@field counted integer tokens that count now
local Ticket = {}
local meta = { __index = Ticket, __name = "novita.ticket" }

-- Counts another number of tokens than before.
function Ticket:correct(used)
  if not self.tokens then return end
  self.limiter.tokens:correct(self.tokens, used - self.counted, self.limiter.env.now())
  self.counted = used
end

--- Counts the tokens that were really used instead of those set aside, and learns from it.
---@param used integer
function Ticket:settle(used)
  self.limiter.experience:learn(self.estimate, used)
  self:correct(used)
  self.limiter:serve()
end

--- Frees the slot. Once is enough, more does no harm.
function Ticket:release()
  self.call.stop()
  self.limiter:serve()
end

-- A refusal generates nothing, nor does what was never sent. What broke off later may go on being
-- generated, and charged: Novita does both.
local function may_generate(err)
  return err.phase ~= nil and err.phase ~= "connect" and not (err.status and err.status >= 400)
end

--- Ends an attempt, in place of `settle` and `release`: pauses everyone after a 429, counts the
--- real usage or gives back the completion of a call that failed, and frees the slot.
---@param reply table? what the attempt returned
---@param err any
function Ticket:finish(reply, err)
  local limiter = self.limiter
  if self.call.ended then return end
  err = type(err) == "table" and err or {}
  if reply ~= nil then
    limiter.cooldown:succeeded(self.call)
  elseif cooldown.is_refusal(err) then
    limiter.cooldown:refused(self.call, err)
  end
  local used = tokens.used(reply or err.partial)
  if used then
    self:settle(used)
  elseif reply == nil and not may_generate(err) then
    self:correct(self.prompt)
  end
  self:release()
end

--- Makes one of what was taken.
---@param taken table
---@return novita.Ticket
function ticket.new(taken)
  return setmetatable(taken, meta)
end

return ticket
