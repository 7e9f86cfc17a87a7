-- How long a worker of nginx did nothing else at a stretch: by how much a timer of 1 ms was late.

local now = require("novita.core").now

local meter = {}

local INTERVAL = 0.001 -- seconds

local longest, running

--- Starts to measure.
function meter.start()
  longest, running = 0, true
  ngx.timer.at(0, function()
    while running do
      local since = now()
      ngx.sleep(INTERVAL)
      longest = math.max(longest, now() - since - INTERVAL)
    end
  end)
  return "started"
end

--- Returns the longest time, in ms.
function meter.stop()
  running = false
  return ("%.3f"):format(longest * 1e3)
end

return meter
