-- Code that Lua runs inside ours: finalizers and hooks, which may do whatever other code may.
-- The cases are in spec/support/reentrant.lua.

local child = require("spec.support.child")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local many = {}
for i = 1, 40 do many[i] = streaming.chunk(("piece %d "):format(i):rep(20)) end
many[#many + 1] = streaming.finish("stop")

-- Freed memory is overwritten, so that whoever reads it shows.
local function run(name, steps)
  local sim = simulator.shared()
  sim:reset()
  sim:script(steps or {})
  local code = ([[require("spec.support.reentrant").%s() io.write("done")]]):format(name)
  local output, how, number = child.run(code, { SIMULATOR = sim.url, MALLOC_PERTURB_ = "165" })
  assert.same({ "done", "exit", 0 }, { output, how, number })
end

describe("a finalizer", function()
  it("changes the options of the call", function() run("changes_options") end)

  it("adds timers while one is added", function() run("adds_timers") end)

  it("finds the results of a task that is done", function() run("ends_tasks") end)

  it("makes a blocking call, which sees the news of another's", function() run("blocks") end)
end)
