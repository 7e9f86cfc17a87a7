--- Records of JSON Lines: a JSON object a line. Blank lines are no records.

local core = require("novita.core")

local jsonl = {}

-- The object in a line, or nil and why there is none.
local function object_in(text)
  local value, err = core.decode(text)
  if err then return nil, "is not JSON: " .. err.message end
  if not text:find("^%s*{") then return nil, "is not a JSON object" end
  -- core.decode replaces ill-formed UTF-8, as answers need; input is refused, not changed.
  if core.ascii(text) < #text and not core.encode(text) then return nil, "is not UTF-8" end
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
