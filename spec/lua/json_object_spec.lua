-- JSON that is written while finalizers write other JSON, or change the table.

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
  it("writes JSON while other JSON is written", function() run("writes") end)

  it("changes the table that is being written", function() run("changes_table") end)
end)
