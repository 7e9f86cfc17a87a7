-- Texts as a file gives them: in blocks.
--
--   local next_line = lines.of(blocks.of("a\nb", 3), 100)     blocks of 3 bytes

local blocks = {}

--- Returns a function that gives a text in blocks of so many bytes.
---@param text string
---@param size integer
---@return fun(): string?
function blocks.of(text, size)
  local at = 1
  return function()
    if at > #text then return nil end
    at = at + size
    return text:sub(at - size, at - 1)
  end
end

--- Returns a function that gives a text in two blocks, cut after so many bytes.
function blocks.cut(text, after)
  local parts, index = { text:sub(1, after), text:sub(after + 1) }, 0
  return function()
    repeat index = index + 1 until parts[index] ~= ""
    return parts[index]
  end
end

--- Calls a function with the text cut at every byte, and in blocks of all small sizes.
---@param text string
---@param check fun(read: fun(): string?)
function blocks.every(text, check)
  for after = 0, #text do check(blocks.cut(text, after)) end
  for size = 1, math.min(#text, 17) do check(blocks.of(text, size)) end
end

return blocks
