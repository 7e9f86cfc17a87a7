--- A limit of one quantity (requests, tokens) a minute, kept so that no server that
--- counts the same minute has a reason to refuse.
--
-- Two rules apply. A *log* of what was used keeps the sum over the last WINDOW seconds
-- within the limit. A *pace* spreads it: after `burst` seconds' worth at once, which is
-- burst * limit / 60, at limit / WINDOW a second. An amount larger than a burst is used once
-- nothing else is in use.
--
-- The log is needed: a bucket of capacity C, refilled at limit / 60, lets C + limit through in one
-- minute, and a server with a strict window refuses the C. With the log, for any t at most the
-- limit is used in (t - 60, t]. So the limit of a sliding window on the server is kept, and that of
-- every fixed minute, which is one such window. So is that of a token bucket of the same size: over
-- m minutes and x seconds at most (m + 1) * limit is used, and limit + (60 * m + x) * limit / 60 is
-- allowed.
--
-- WINDOW is 61: bytes over a new connection may arrive later than others over a reused one.
-- The guarantee holds while such delays differ by less than MARGIN. It costs 1 - 60 / 61 = 1.6 % of
-- the rate.
--
-- The pace is needed: without it, a minute's worth is used at once, and again a minute later.

local window = {}

local MARGIN = 1
local WINDOW = 60 + MARGIN
local ROUNDING = 1e-6 -- seconds

---@class novita.Window
---@field limit number
---@field used number the sum of the log
local methods = {}
local mt = { __name = "novita.window", __index = methods }

--- Makes a window with nothing used.
---@param limit number a minute
---@param burst number seconds' worth that may be used at once
---@return novita.Window
function window.new(limit, burst)
  return setmetatable({
    limit = limit, used = 0,
    burst = burst * WINDOW / 60, -- seconds that a burst takes at the even pace
    log = {}, first = 1, last = 0,
    due = -math.huge, -- when what was used so far would be used up at an even pace
  }, mt)
end

local function seconds_for(self, amount)
  return amount * WINDOW / self.limit
end

-- Drops the expired entries of the log, and returns the time when the next one expires.
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

--- Returns how long to wait before an amount may be used, or before the next call of this: 0 for
--- now.
---@param amount number not more than the limit
---@param now number
---@return number seconds
function methods:wait(amount, now)
  local opens = expire(self, now)
  if opens and self.used + amount > self.limit then
    self.full = true
    return opens - now
  end
  local seconds = seconds_for(self, amount)
  local ahead = math.max(self.burst - seconds, 0) -- of the pace, before this amount
  if self.full then -- all waiting calls would start at once
    self.full = false
    self.due = math.max(self.due, now + ahead)
  end
  local wait = self.due - ahead - now
  return wait > ROUNDING and wait or 0
end

--- Uses an amount now.
---@param amount number
---@param now number
---@return table entry
function methods:take(amount, now)
  local entry = { at = now, amount = amount }
  self.last = self.last + 1
  self.log[self.last] = entry
  self.used = self.used + amount
  self.due = math.max(self.due, now) + seconds_for(self, amount)
  return entry
end

--- Changes the amount of an entry: gives back the difference, or takes more now.
---@param entry table
---@param difference number
---@param now number
function methods:correct(entry, difference, now)
  if difference > 0 then
    self:take(difference, now)
  elseif not entry.gone then
    entry.amount = entry.amount + difference
    self.used = self.used + difference
    self.due = self.due + seconds_for(self, difference)
  end
end

return window
