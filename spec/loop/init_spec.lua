-- The loop that the code runs in, and what it offers: run.

local simulator = require("spec.support.simulator_client")
local support = require("spec.support.uv")

local sim = simulator.shared()

describe("with luv", function()
  before_each(function() sim:reset() end)

  it("loop.run raises the error of a task", function()
    local output, status = support.run [[
      loop.spawn(function() loop.sleep(0.01) error("oh no") end)
      print(pcall(loop.run))
    ]]
    assert.are.equal(0, status)
    assert.is_truthy(output:find("^false\t.*oh no"), output)
  end)
end)
