-- core.sha256: what it takes.

local compat = require("novita.compat")
local core = require("novita.core")

describe("core.sha256", function()
  it("takes strings only", function()
    for _, arguments in ipairs { {}, { 1 }, { "a", {} }, { {} } } do
      assert.is_false(pcall(core.sha256, compat.unpack(arguments)))
    end
  end)
end)
