-- Loops for specs whose waits are long: scripts' loop with another clock. What goes over sockets
-- goes over sockets; only sleeping is faster.
--
--   local loop = clock.skipping()     a sleep moves the clock and takes no time
--   local loop = clock.fast(100)      a hundred seconds a second
--   novita.new { loop = loop, ... }

local poll = require("novita.loop.poll")

local clock = {}

--- A sleep only moves the clock forward and lets the other tasks have a turn. For calls one after
--- the other: tasks that sleep beside each other move it twice.
---@return table loop with slept, the seconds of each sleep
function clock.skipping()
  local skipped, slept = 0, {}
  local loop = { slept = slept }
  function loop.now() return poll.now() + skipped end
  function loop.sleep(seconds)
    slept[#slept + 1] = seconds
    skipped = skipped + seconds
    return poll.sleep(0)
  end
  return setmetatable(loop, { __index = poll })
end

--- Everything that this clock sees is so many times faster; for a server with such a clock too.
---@param factor number
---@return table loop
function clock.fast(factor)
  local loop = {}
  function loop.now() return poll.now() * factor end
  function loop.sleep(seconds) return poll.sleep(seconds / factor) end
  return setmetatable(loop, { __index = poll })
end

--- The most of these times, which are in order, in any stretch of so many seconds.
function clock.fullest(times, seconds)
  local most, first = 0, 1
  for last, time in ipairs(times) do
    while times[first] < time - seconds do first = first + 1 end
    most = math.max(most, last - first + 1)
  end
  return most
end

return clock
