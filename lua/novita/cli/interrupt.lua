--- Ctrl-C while a call is in flight: it ends the call, not the program, so that what had arrived
--- can be kept.

local core = require("novita.core")
local loops = require("novita.loop")

local interrupt = {}

local SLICE = 0.05 -- seconds between two looks at the count of signals

local function finish(watch, guard, ok, ...)
  watch:close()
  guard:cancel()
  if not ok then error((...), 0) end
  return ...
end

--- Calls a function. SIGINT, SIGTERM and SIGHUP cancel the call of novita that it is in: that
--- returns nil and an error of kind "cancelled".
---@param fn fun(): any ...
---@return any ... what it returned
function interrupt.guard(fn)
  local loop, watch = loops.here(), core.interrupts()
  local task = loop.spawn(fn)
  local guard = loop.spawn(function()
    while not task.done and watch:count() == 0 do loop.sleep(SLICE) end
    task:cancel()
  end)
  return finish(watch, guard, task:join())
end

return interrupt
