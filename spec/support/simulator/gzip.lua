-- Gzip without compressing: stored blocks, which any inflater takes. Pieces stay apart, so that a
-- stream can be paced and cut while it is being inflated.
-- luacheck: std lua54

local gzip = {}

local HEADER = "\x1f\x8b\8\0\0\0\0\0\0\xff"
local BLOCK = 65535

local crc_table = {}
for byte = 0, 255 do
  local crc = byte
  for _ = 1, 8 do
    crc = crc & 1 == 1 and (crc >> 1) ~ 0xEDB88320 or crc >> 1
  end
  crc_table[byte] = crc
end

local function crc32(crc, bytes)
  crc = ~crc & 0xFFFFFFFF
  for index = 1, #bytes do
    crc = crc_table[(crc ~ bytes:byte(index)) & 0xFF] ~ (crc >> 8)
  end
  return ~crc & 0xFFFFFFFF
end

local function stored(bytes)
  local blocks = {}
  for from = 1, #bytes, BLOCK do
    local block = bytes:sub(from, from + BLOCK - 1)
    blocks[#blocks + 1] = string.pack("<BI2I2", 0, #block, ~#block & 0xFFFF) .. block
  end
  return table.concat(blocks)
end

--- Packs pieces; the result has one piece more, which ends the stream.
function gzip.pieces(pieces)
  local packed, crc, size = {}, 0, 0
  for index, bytes in ipairs(pieces) do
    crc, size = crc32(crc, bytes), size + #bytes
    packed[index] = (index == 1 and HEADER or "") .. stored(bytes)
  end
  local last = string.pack("<BI2I2I4I4", 1, 0, 0xFFFF, crc, size & 0xFFFFFFFF)
  packed[#packed + 1] = (#pieces == 0 and HEADER or "") .. last
  return packed
end

return gzip
