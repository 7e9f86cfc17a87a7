-- The language between the simulator and specs.

local data = require("spec.support.data")

describe("the language of data", function()
  it("brings back what it was given, on one line", function()
    local every = {}
    for byte = 0, 255 do every[#every + 1] = string.char(byte) end
    local value = {
      table.concat(every), "\\\n\r\\n\0009", 1, -2.5, 1e300, true, false, data.null,
      { a = { 1 }, ["end"] = "x", [7] = "seven" },
    }
    local text = data.encode(value)
    assert.is_nil(text:find("\n"))
    assert.are.same(value, data.decode(text))
    assert.are.equal(data.null, data.decode("{ a = null }").a)
  end)

  it("is data and nothing else", function()
    assert.is_nil(data.decode("os.exit(1)"))
    assert.is_nil(data.decode("{"))
    assert.has_error(function() data.encode(print) end)
  end)
end)
