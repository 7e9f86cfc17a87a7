--- Reads the delay that a server requests in a response (RFC 9110 10.2.3).

local retryafter = {}

-- Parses a date. The C module is loaded only here, so that `retry` works without it.
local function http_date(text, now)
  return require("novita.core").http_date(text, now)
end

-- Digits with an optional fraction. Not tonumber alone: it takes hex, exponents, inf and nan.
local function decimal(text)
  if type(text) ~= "string" then return nil end
  local whole, fraction = text:match("^(%d+)%.?(%d*)$")
  if not whole or text:sub(-1) == "." then return nil end
  fraction = fraction:sub(1, 9)
  local number = tonumber(whole) + (fraction == "" and 0 or tonumber(fraction) / 10 ^ #fraction)
  return math.min(number, 2147483648) -- RFC 9111 1.2.2: the value of larger numbers
end

-- Returns the longest delay in a header. Repeated headers are joined by ", ", which dates contain
-- too, so each part is parsed alone and together with the part before it.
local function longest(text, read)
  if type(text) ~= "string" then return nil end
  local most, before
  for part in (text .. ", "):gmatch("(.-), ") do
    local seconds = read(part) or before and read(before .. ", " .. part)
    if seconds then most = math.max(most or 0, seconds) end
    before = part
  end
  return most
end

-- Returns the seconds until a date, or nil if it has passed.
local function until_date(at, date, wall_now)
  local seconds = at - (http_date(date, wall_now) or wall_now)
  return seconds > 0 and seconds or nil
end

--- Returns the delay that a response requests, in seconds: `retry-after-ms`, else `Retry-After` as
--- a number or a date, relative to the `Date` of the response if it has one. Of several, the
--- longest. 0 means at once; nil means none, an unreadable one, or a date that has passed.
---@param headers table<string, string>?  by lower-case name
---@param wall_now number seconds since 1970
---@return number?
function retryafter.seconds(headers, wall_now)
  if not headers then return nil end
  local ms = longest(headers["retry-after-ms"], decimal)
  if ms then return ms / 1000 end
  return longest(headers["retry-after"], function(text)
    local at = http_date(text, wall_now)
    if at then return until_date(at, headers["date"], wall_now) end
    return decimal(text)
  end)
end

--- Returns the delay that the response of an error requests, in seconds, or nil.
---@param err any
---@param wall_now number
---@return number?
function retryafter.server_delay(err, wall_now)
  if type(err) ~= "table" or err.kind == "connection" or err.kind == "timeout" then return nil end
  if type(err.retry_after) == "number" then return err.retry_after end
  return retryafter.seconds(err.headers, wall_now)
end

return retryafter
