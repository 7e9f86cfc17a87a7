-- Numbers of an embedding, and the Base64 that stands for them.

local core = require("novita.core")

local floats = {}

-- Little-endian float32 values, by their bytes.
local FLOATS = {
  { "\0\0\0\0", 0 }, { "\0\0\128\63", 1 }, { "\0\0\0\192", -2 }, { "\0\0\128\62", 0.25 },
  { "\205\204\204\61", 0.10000000149011612 }, { "\1\0\0\0", 2 ^ -149 },
  { "\255\255\127\127", 3.4028234663852886e38 },
}

--- A vector that has small, large and broken numbers.
---@return string base64, number[] numbers
function floats.vector()
  local bytes, numbers = {}, {}
  for index, pair in ipairs(FLOATS) do bytes[index], numbers[index] = pair[1], pair[2] end
  return core.base64(table.concat(bytes)), numbers
end

return floats
