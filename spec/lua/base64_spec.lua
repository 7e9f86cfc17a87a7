-- Base64 in the C module: the text for bytes, and the numbers of an embedding.

local core = require("novita.core")

local floats = require("spec.support.floats")

describe("core.floats", function()
  it("reads the numbers that were written", function()
    local text, numbers = floats.vector()
    assert.are.same(numbers, core.floats(text))
    assert.are.same({}, core.floats(""))
  end)

  it("reads infinity, and what is no number", function()
    local found = core.floats(core.base64("\0\0\128\127\0\0\128\255\0\0\192\127"))
    assert.are.same({ math.huge, -math.huge }, { found[1], found[2] })
    assert.is_true(found[3] ~= found[3])
  end)
end)
