--- How much of one quantity (requests, tokens) may be used in a minute, kept so that no server that
--- counts the same minute has a reason to refuse.
--
-- Two rules stand together. A *log* of what was used keeps the sum over the last WINDOW seconds
-- within the limit. A *pace* spreads it: after `burst` seconds' worth at once, at limit / WINDOW a
-- second.
--
-- Why a log: a bucket of capacity C, refilled at limit / 60, lets C + limit through in one minute,
-- and a server with a strict window refuses the C. With the log, for any t at most the limit is
-- used in (t - 60, t]. So a sliding window on the server is kept, and every fixed minute with it,
-- which is one such window. And a token bucket of the same size: over m minutes and x seconds at
-- most (m + 1) * limit is used, and limit + (60 * m + x) * limit / 60 is allowed.
--
-- Why 61: what was sent over a new connection may arrive later than what followed over a warm one.
-- The guarantee holds while such delays differ by less than MARGIN. It costs 1 - 60 / 61 = 1.6 % of
-- the rate.
--
-- Why a pace: without one the whole minute's worth leaves at once, and again a minute later.

local budget = {}

local MARGIN = 1
local WINDOW = 60 + MARGIN

---@class novita.Budget
---@field limit number
---@field used number the sum of the log
local Budget = {}
local meta = { __index = Budget, __name = "novita.budget" }

--- A budget with nothing used.
---@param limit number a minute
---@param burst number seconds' worth that may be used at once
---@return novita.Budget
function budget.new(limit, burst)
  return setmetatable({
    limit = limit, burst = burst, used = 0,
    log = {}, first = 1, last = 0,
    due = -math.huge, -- when what was used so far would be used up at an even pace
  }, meta)
end

local function seconds_for(self, amount)
  return amount * WINDOW / self.limit
end

-- Drops from the log what is out of the window, and returns the time when more of it will be.
local function expire(self, now)
  while self.first <= self.last do
    local entry = self.log[self.first]
    if entry.at + WINDOW > now then return entry.at + WINDOW end
    self.used = self.used - entry.amount
    entry.gone = true
    self.log[self.first] = nil
    self.first = self.first + 1
  end
end

--- How long to wait before an amount may be used: 0, or the time until it is worth asking again.
---@param amount number not more than the limit
---@param now number
---@return number seconds
function Budget:wait(amount, now)
  local opens = expire(self, now)
  if opens and self.used + amount > self.limit then
    self.full = true
    return opens - now
  end
  if self.full then -- what waits by now would all go at once
    self.full = false
    self.due = math.max(self.due, now + self.burst)
  end
  return math.max(0, self.due - self.burst - now)
end

--- Uses an amount now.
---@param amount number
---@param now number
---@return table entry
function Budget:take(amount, now)
  local entry = { at = now, amount = amount }
  self.last = self.last + 1
  self.log[self.last] = entry
  self.used = self.used + amount
  self.due = math.max(self.due, now) + seconds_for(self, amount)
  return entry
end

--- Corrects an entry by a difference: less is given back, more is taken now.
---@param entry table
---@param difference number
---@param now number
function Budget:correct(entry, difference, now)
  if difference > 0 then
    self:take(difference, now)
  elseif not entry.gone then
    entry.amount = entry.amount + difference
    self.used = self.used + difference
    self.due = self.due + seconds_for(self, difference)
  end
end

return budget
