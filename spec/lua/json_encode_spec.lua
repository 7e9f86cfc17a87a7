-- JSON as novita writes it.

local core = require("novita.core")

describe("what is written", function()
  it("may be a single value", function()
    assert.are.equal("60", core.encode(60))
    assert.are.equal('"a"', core.encode("a"))
    assert.are.equal("null", core.encode(core.null))
    assert.are.equal("{}", core.encode {})
    assert.are.equal("[]", core.encode(core.array {}))
  end)

  it("must be possible to write", function()
    local text, err = core.encode(print)
    assert.is_nil(text)
    assert.are.equal("config: a function can't be sent", tostring(err))
    assert.is_nil(err.param)
    assert.is_false(pcall(core.encode))
    assert.is_false(pcall(core.array, 5))
  end)
end)
