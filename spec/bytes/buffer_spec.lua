-- The ceiling of a buffer: what it lets pass, and what it cuts.

local failures = require("spec.support.failures")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local KIB = 1024
local too_large, body_of = failures.too_large, failures.body_of

describe("a cap", function()
  local sim

  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  describe("on the response", function()
    it("holds with chunks", function()
      too_large("body", "max_response_bytes",
        { body = body_of(KIB + 1), piece = 100, chunked = true }, { max_response_bytes = KIB })
    end)

    it("lets a body of just that size pass", function()
      assert.are.equal(KIB, #body_of(KIB))
      local reply = wire.succeeds({ body = body_of(KIB) }, { max_response_bytes = KIB })
      assert.are.equal(KIB - 40, #reply:text())
    end)

    it("counts what gzip unfolds", function()
      local pipe = io.popen("head -c 10000000 /dev/zero | gzip -9")
      local bomb = pipe:read("*a")
      pipe:close()
      assert.is_true(#bomb < 20 * KIB)
      too_large("body", "max_response_bytes",
        { body = bomb, headers = { ["Content-Encoding"] = "gzip" } },
        { max_response_bytes = KIB * KIB })
      wire.succeeds({ body = body_of(64 * KIB), gzip = true }, { max_response_bytes = 64 * KIB })
    end)
  end)
end)
