-- The next event of a stream stays where it is while finalizers read, feed or end the stream.

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
  it("cancels the stream that is being read", function()
    run("cancels", { { events = many, uses = 4 } })
  end)

  it("reads on in the stream that is being read: nothing is lost, nothing comes twice", function()
    run("reads_on", { { events = many } })
  end)

  it("feeds and reads the parser that is being read", function() run("parses") end)
end)
