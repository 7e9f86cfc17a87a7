--- Lines of a file that is read in blocks, whatever their length: memory holds one block and one
--- line. A line ends with LF or CRLF; the last one needs no end. A BOM before the first is skipped.

local lines = {}

local BOM = "\239\187\191"

---@class novita.batch.Line
---@field text string without its end
---@field number integer counts from 1
---@field offset integer of its first byte in the file
---@field ending string "\n", "\r\n", or "" at the end of the file
---@field length integer bytes with its end; of a line that is too long, too
---@field too_long? boolean the text was left out

-- Adds the part of a line, or drops what was kept of one that grows too long.
local function add(line, part, most)
  line.length = line.length + #part
  if line.length > most then
    line.too_long, line.parts = true, {}
  else
    line.parts[#line.parts + 1] = part
  end
end

-- Completes a line. The CR of a CRLF may be the last byte of the part before.
local function complete(line, ending)
  local text = table.concat(line.parts)
  line.parts = nil
  if line.offset == 0 and text:sub(1, 3) == BOM then text = text:sub(4) end
  if ending ~= "" and text:sub(-1) == "\r" then text, ending = text:sub(1, -2), "\r\n" end
  line.text, line.ending = text, ending
  return line
end

--- Returns a function that gives one line after the other.
---@param read fun(): string?, string? the next bytes; nil at the end, nil and why on failure
---@param most integer bytes that a line may have
---@param offset? integer of the first byte that is read; default: 0
---@return fun(): novita.batch.Line?, string? next nil at the end, nil and why on failure
function lines.of(read, most, offset)
  local block, at, number = "", 1, 0
  offset = offset or 0
  -- Most lines are whole in a block.
  local function whole_line()
    local stop = block:find("\n", at, true)
    if not stop or offset == 0 or stop - at >= most then return nil end
    local text, ending = block:sub(at, stop - 1), "\n"
    if text:byte(-1) == 13 then text, ending = text:sub(1, -2), "\r\n" end
    local line = {
      text = text, ending = ending, number = number + 1, offset = offset, length = stop + 1 - at,
    }
    at, number, offset = stop + 1, number + 1, offset + line.length
    return line
  end

  return function()
    local line = whole_line()
    if line then return line end
    line = { number = number + 1, offset = offset, length = 0, parts = {} }
    while true do
      local stop = block:find("\n", at, true)
      add(line, block:sub(at, stop and stop - 1), most)
      if stop then
        at, number, line.length = stop + 1, number + 1, line.length + 1
        offset = offset + line.length
        return complete(line, "\n")
      end
      local more, problem = read()
      if problem then return nil, problem end
      if not more then
        block, at, offset = "", 1, offset + line.length
        return line.length > 0 and complete(line, "") or nil
      end
      block, at = more, 1
    end
  end
end

return lines
