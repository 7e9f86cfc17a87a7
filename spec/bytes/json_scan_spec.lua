-- JSON that is cut short is refused, wherever it is cut.

local core = require("novita.core")
local generator = require("spec.support.random")
local random_json = require("spec.support.random_json")

describe("JSON that is written", function()
  it("is never valid when cut short", function()
    local random = generator(7)
    for _ = 1, 50 do
      local text = core.encode(random_json.list(random, 3))
      for length = 0, #text - 1 do
        local _, err = core.decode(text:sub(1, length))
        assert.are.equal("invalid_response", err and err.kind)
      end
    end
  end)
end)
