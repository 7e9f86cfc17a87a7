-- The error of a limit whose store fails.

local limits = require("spec.support.limits")

describe("a limit in a store that fails", function()
  limits.with()

  it("fails with the error of the store, and keeps its order", function()
    local process = limits.limiter { rpm = 600 }
    limits.run(function()
      limits.failing = { kind = "store", reason = "full" }
      local permit, err = process:acquire(nil, limits.wait())
      assert.are.same({ nil, limits.failing }, { permit, err })
      limits.failing = nil
      assert(process:acquire(nil, limits.wait()))
    end)
    assert.are.equal(1, process.throttle.busy)
  end)
end)
