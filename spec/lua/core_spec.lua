-- core.chat, which blocks: also in coroutines, in turn.

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

describe("two coroutines", function()
  it("can make blocking calls in turn", function()
    local function run(name)
      for _ = 1, 3 do
        local reply = assert(wire.chat(nil, wire.asking(name)))
        coroutine.yield(reply:text():find(name, 1, true))
      end
    end
    local one, two = coroutine.wrap(run), coroutine.wrap(run)
    for _ = 1, 3 do
      assert.is_truthy(one("first"))
      assert.is_truthy(two("second"))
    end
    assert.are.equal(6, #sim:journal())
  end)
end)
