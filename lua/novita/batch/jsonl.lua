--- Records of JSON Lines: a JSON object a line. Blank lines are no records.

local json_text = require("novita.json_text")

local jsonl = {}

-- The object in a line, or nil and why there is none.
local function object_in(text)
  local value, problem = json_text.decode(text)
  if problem then return nil, problem end
  if not text:find("^%s*{") then return nil, "is not a JSON object" end
  return value
end

--- Returns a function that gives one record after the other.
---@param next_line fun(): novita.batch.Line?, string?
---@return fun(): novita.batch.Record?, string? next nil at the end, nil and why on failure
function jsonl.records(next_line)
  return function()
    local line, failure
    repeat
      line, failure = next_line()
      if not line then return nil, failure end
    until line.too_long or line.text:find("%S")
    local record = { line = line.number, offset = line.offset }
    if line.too_long then
      record.problem = ("is too long: %d bytes"):format(line.length)
    else
      record.row, record.problem = object_in(line.text)
    end
    return record
  end
end

return jsonl
