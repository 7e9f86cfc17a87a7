-- Base64 in the C module: the text for bytes, and the numbers of an embedding.

local core = require("novita.core")

-- Little-endian float32 values, by their bytes.
local FLOATS = {
  { "\0\0\0\0", 0 }, { "\0\0\128\63", 1 }, { "\0\0\0\192", -2 }, { "\0\0\128\62", 0.25 },
  { "\205\204\204\61", 0.10000000149011612 }, { "\1\0\0\0", 2 ^ -149 },
  { "\255\255\127\127", 3.4028234663852886e38 },
}

local function vector()
  local bytes, numbers = {}, {}
  for index, pair in ipairs(FLOATS) do bytes[index], numbers[index] = pair[1], pair[2] end
  return core.base64(table.concat(bytes)), numbers
end

describe("core.floats", function()
  it("reads the numbers that were written", function()
    local text, numbers = vector()
    assert.are.same(numbers, core.floats(text))
    assert.are.same({}, core.floats(""))
  end)

  it("reads infinity, and what is no number", function()
    local found = core.floats(core.base64("\0\0\128\127\0\0\128\255\0\0\192\127"))
    assert.are.same({ math.huge, -math.huge }, { found[1], found[2] })
    assert.is_true(found[3] ~= found[3])
  end)
end)
