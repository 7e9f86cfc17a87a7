--- The budget of a batch: what its calls have used, what those in flight may use at most, and which
--- of the next ones still fit.

local each = require("novita.compat").each
local next = require("novita.compat").next
local prices = require("novita.batch.prices")

local budget = {}

---@class novita.BatchCost
---@field tokens integer
---@field usd? number nil where the price is not known

---@class novita.BatchBudget
---@field most { usd: number?, tokens: integer? }
---@field used table<string, number>
---@field reserved table<string, number> for calls in flight
---@field others table<string, number> for those of other processes
local methods = {}
local mt = { __name = "novita.batch.budget", __index = methods }

--- Returns the maximum cost of a call: its estimated prompt, and max_tokens.
---@param claim novita.BatchClaim
---@return novita.BatchCost
function methods:ceiling(claim)
  local price = self.price_of(claim.model)
  return {
    tokens = claim.prompt + claim.completion,
    usd = price and prices.cost(price, {
      prompt_tokens = claim.prompt, completion_tokens = claim.completion,
    }),
  }
end

-- Adds a cost to a sum; a negative sign takes it away.
local function add(sum, cost, sign)
  sum.tokens = sum.tokens + sign * cost.tokens
  sum.usd = sum.usd + sign * (cost.usd or 0)
end

local function fits(self, sum)
  for name, most in each(self.most) do
    local spent = self.used[name] + self.reserved[name] + self.others[name]
    if spent + sum[name] > most then return false end
  end
  return true
end

--- Is there a limit?
---@return boolean
function methods:is_limited()
  return next(self.most) ~= nil
end

--- Returns how many of these calls, in their order, stay within the budget if all are made.
---@param claims novita.BatchClaim[]
---@return integer count
function methods:fit(claims)
  if not self:is_limited() then return #claims end
  local sum = { tokens = 0, usd = 0 }
  for index, claim in ipairs(claims) do
    add(sum, self:ceiling(claim), 1)
    if not fits(self, sum) then return index - 1 end
  end
  return #claims
end

--- A call begins: what it may cost is set aside, if there is a limit.
---@param claim novita.BatchClaim
function methods:reserve(claim)
  if not self:is_limited() then return end
  claim.ceiling = self:ceiling(claim)
  add(self.reserved, claim.ceiling, 1)
end

--- A call has ended: what it has used counts in place of that.
---@param claim novita.BatchClaim
---@param outcome novita.BatchOutcome
function methods:settle(claim, outcome)
  if not self:is_limited() then return end
  add(self.reserved, claim.ceiling, -1)
  add(self.used, {
    tokens = (outcome.prompt_tokens or 0) + (outcome.completion_tokens or 0), usd = outcome.usd,
  }, 1)
end

--- Counts what several processes have used, in place of what this one knows.
---@param used { usd: number, tokens: integer } by all calls that have ended
---@param in_flight { model: string?, prompt: integer, completion: integer }[] by other processes
function methods:refresh(used, in_flight)
  self.used = { usd = used.usd, tokens = used.tokens }
  self.others = { usd = 0, tokens = 0 }
  for _, group in ipairs(in_flight) do add(self.others, self:ceiling(group), 1) end
end

--- Makes a budget.
---@param most? { usd: number?, tokens: integer? }
---@param used { usd: number, tokens: integer } by earlier runs
---@param price_of fun(model: string?): novita.batch.Price?
---@param groups? novita.BatchGroup[] of the batch's calls: those at the server's Batch API count as
---  calls of others
---@return novita.BatchBudget
function budget.new(most, used, price_of, groups)
  local self = setmetatable({
    most = most or {}, reserved = { usd = 0, tokens = 0 }, price_of = price_of,
  }, mt)
  local at_server = {}
  for _, group in ipairs(groups or {}) do
    if group.state == "remote" then at_server[#at_server + 1] = group end
  end
  self:refresh(used, at_server)
  return self
end

return budget
