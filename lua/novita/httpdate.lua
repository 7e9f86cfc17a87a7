--- Dates in HTTP headers, in all three forms that RFC 9110 5.6.7 has a recipient read:
--
--     Sun, 06 Nov 1994 08:49:37 GMT      today's
--     Sunday, 06-Nov-94 08:49:37 GMT     RFC 850's
--     Sun Nov  6 08:49:37 1994           C's asctime(), always UTC
--
-- The arithmetic is done here, since os.time reads its table in the local zone.

local httpdate = {}

local FIFTY_YEARS = 50 * 365.2425 * 86400

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

-- Days from 1970-01-01. The year is taken to begin in March, so that a leap day ends it.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

-- Year, month, day and time as they stand; and whether the year is cut to two digits.
local function parts(text)
  local day, month, year, time = text:match("^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%S+) GMT$")
  if day then return year, month, day, time, false end
  day, month, year, time = text:match("^%a+day, (%d%d)%-(%a%a%a)%-(%d%d) (%S+) GMT$")
  if day then return year, month, day, time, true end
  month, day, time, year = text:match("^%a%a%a (%a%a%a) ([ %d]%d) (%S+) (%d%d%d%d)$")
  return year, month, day, time, false
end

local function seconds_of_day(time)
  local hour, minute, second = time:match("^(%d%d):(%d%d):(%d%d)$")
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if not hour or hour > 23 or minute > 59 or second > 60 then return nil end -- 60: a leap second
  return hour * 3600 + minute * 60 + second
end

--- Seconds since 1970, or nil for what is not an HTTP date.
---@param text any a header's value, or nil
---@param now number seconds since 1970: two digits mean the latest such year that is not more than
---  fifty years ahead
---@return number?
function httpdate.parse(text, now)
  if type(text) ~= "string" then return nil end
  local year, month, day, time, short = parts(text)
  if not year then return nil end
  year, month, day, time = tonumber(year), MONTHS[month], tonumber(day), seconds_of_day(time)
  if not (month and time) then return nil end
  if short then
    year = year + 2900
    while year > 1900 and days(year, month, day) * 86400 + time > now + FIFTY_YEARS do
      year = year - 100
    end
  end
  local length = days(year, month + 1, 1) - days(year, month, 1)
  if day < 1 or day > length then return nil end
  return days(year, month, day) * 86400 + time
end

return httpdate
