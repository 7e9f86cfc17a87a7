-- Runs the cases of reentrant.lua, each in an interpreter of its own at the shared simulator.

local assert = require("luassert")

local child = require("spec.support.child")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local reentrant_run = {}

--- The events of a stream of many pieces, to its good end.
---@return string[]
function reentrant_run.many()
  local events = {}
  for i = 1, 40 do events[i] = streaming.chunk(("piece %d "):format(i):rep(20)) end
  events[#events + 1] = streaming.finish("stop")
  return events
end

--- A case ends well. Freed memory is overwritten, so that whoever reads it shows.
---@param name string
---@param steps? simulator.step[]
function reentrant_run.case(name, steps)
  local sim = simulator.shared()
  sim:reset()
  sim:script(steps or {})
  local code = ([[require("spec.support.reentrant").%s() io.write("done")]]):format(name)
  local output, how, number = child.run(code, { SIMULATOR = sim.url, MALLOC_PERTURB_ = "165" })
  assert.same({ "done", "exit", 0 }, { output, how, number })
end

return reentrant_run
