--- Servers that enforce requests and tokens a minute, three ways. Each is a function(now, tokens)
--- that returns true, or false and the seconds until a call of that size would be let in.

local quota = {}

--- The count begins anew each minute, at an offset.
function quota.fixed(rpm, tpm, offset)
  local minute, calls, tokens
  return function(now, size)
    local this = math.floor((now + (offset or 0)) / 60)
    if this ~= minute then minute, calls, tokens = this, 0, 0 end
    if calls + 1 > rpm or tokens + size > tpm then
      return false, (this + 1) * 60 - (offset or 0) - now
    end
    calls, tokens = calls + 1, tokens + size
    return true
  end
end

--- No 60 seconds, whenever they begin, hold more than the limit.
function quota.sliding(rpm, tpm)
  local log, first, last, tokens = {}, 1, 0, 0
  return function(now, size)
    while log[first] and log[first].at + 60 <= now do
      tokens = tokens - log[first].size
      log[first], first = nil, first + 1
    end
    if last - first + 2 > rpm or tokens + size > tpm then return false, log[first].at + 60 - now end
    last = last + 1
    log[last], tokens = { at = now, size = size }, tokens + size
    return true
  end
end

--- Buckets of a minute's size, filled at an even rate.
function quota.bucket(rpm, tpm)
  local calls, tokens, at = rpm, tpm, 0
  return function(now, size)
    calls = math.min(rpm, calls + (now - at) * rpm / 60)
    tokens = math.min(tpm, tokens + (now - at) * tpm / 60)
    at = now
    if calls < 1 or tokens < size then
      return false, math.max((1 - calls) * 60 / rpm, (size - tokens) * 60 / tpm)
    end
    calls, tokens = calls - 1, tokens - size
    return true
  end
end

return quota
