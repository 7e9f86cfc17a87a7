-- Requests and tokens per model and minute, refused with 429 above them, as Novita does.
--
-- The minute slides: a request is refused when those of the last 60 seconds, with it, would be too
-- many. `clock` makes the minute that many times faster. Refused requests do not count.
-- luacheck: std lua54

local errors = require("spec.support.simulator.errors")

local MINUTE = 60

local limits = {}

local methods = {}
local mt = { __name = "simulator.limits", __index = methods }

--- Without rpm, tpm and concurrent nothing is ever refused.
function limits.new(options)
  local self = setmetatable({}, mt)
  self:set(options or {})
  return self
end

--- Sets new limits and forgets the past. Fields: rpm, tpm, concurrent, clock, retry_after.
function methods:set(options)
  self.rpm, self.tpm = tonumber(options.rpm), tonumber(options.tpm)
  self.concurrent = tonumber(options.concurrent)
  self.minute = MINUTE / (tonumber(options.clock) or 1)
  self.retry_after = options.retry_after
  self.windows = {}
end

local function window_of(self, model)
  local window = self.windows[model]
  if not window then
    window = { first = 1, last = 0, tokens = 0 }
    self.windows[model] = window
  end
  return window
end

local function slide(window, from)
  while window.first <= window.last and window[window.first].time <= from do
    window.tokens = window.tokens - window[window.first].tokens
    window[window.first] = nil
    window.first = window.first + 1
  end
end

local function headers(self, window, now)
  local count = window.last - window.first + 1
  local list = {
    { "x-ratelimit-limit-requests", tostring(self.rpm or "") },
    { "x-ratelimit-remaining-requests", tostring(self.rpm and self.rpm - count or "") },
  }
  if not self.rpm then list = {} end
  local oldest = window[window.first]
  local seconds = oldest and (oldest.time + self.minute - now) * MINUTE / self.minute or 0
  if self.retry_after == "ms" then
    list[#list + 1] = { "retry-after-ms", tostring(math.ceil(seconds * 1000)) }
  elseif self.retry_after then
    list[#list + 1] = { "Retry-After", tostring(math.ceil(seconds)) }
  end
  return list
end

local function refuse(self, window, now, reason, envelope)
  local answer = errors.answer(429, { reason = reason }, envelope)
  answer.headers = headers(self, window, now)
  return answer
end

--- Counts a request, or returns the 429 to send in its place.
---@param model string
---@param tokens integer prompt and answer together
---@param now number
---@param active integer requests in flight, this one included
function methods:admit(model, tokens, now, active)
  if not (self.rpm or self.tpm or self.concurrent) then return nil end
  local window = window_of(self, model)
  slide(window, now - self.minute)
  if self.concurrent and active > self.concurrent then
    return refuse(self, window, now, nil, "B")
  end
  if self.rpm and window.last - window.first + 1 >= self.rpm then
    return refuse(self, window, now, "RATE_LIMIT_EXCEEDED")
  end
  if self.tpm and window.tokens + tokens > self.tpm then
    return refuse(self, window, now, "TOKEN_LIMIT_EXCEEDED")
  end
  window.last = window.last + 1
  window[window.last] = { time = now, tokens = tokens }
  window.tokens = window.tokens + tokens
end

return limits
