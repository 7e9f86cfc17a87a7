--- An event-stream parser that is right rather than good: it wants the whole stream at once and
-- follows the steps of the WHATWG HTML standard, "Interpreting an event stream", word by word.
-- The specs compare the real parser with it.

local BYTE_ORDER_MARK = "\239\187\191"

-- The lines of a stream, without their ends. What follows the last line end is not a line.
local function split_lines(stream)
  local lines, start = {}, 1
  while true do
    local ending = stream:find("[\r\n]", start)
    if not ending then return lines end
    lines[#lines + 1] = stream:sub(start, ending - 1)
    if stream:sub(ending, ending + 1) == "\r\n" then ending = ending + 1 end
    start = ending + 1
  end
end

-- "Process the field": name and value of a line that is neither empty nor a comment.
local function split_field(line)
  local colon = line:find(":", 1, true)
  if not colon then return line, "" end
  local value = line:sub(colon + 1)
  if value:sub(1, 1) == " " then value = value:sub(2) end
  return line:sub(1, colon - 1), value
end

--- The events of a stream, each `{ type = , data = , id = }`.
local function parse(stream)
  local events = {}
  local event_type, data, id = "", "", ""
  if stream:sub(1, 3) == BYTE_ORDER_MARK then stream = stream:sub(4) end
  for _, line in ipairs(split_lines(stream)) do
    if line == "" then
      if data ~= "" then
        if event_type == "" then event_type = "message" end
        events[#events + 1] = { type = event_type, data = data:sub(1, -2), id = id }
      end
      event_type, data = "", ""
    elseif line:sub(1, 1) ~= ":" then
      local name, value = split_field(line)
      if name == "event" then
        event_type = value
      elseif name == "data" then
        data = data .. value .. "\n"
      elseif name == "id" and not value:find("\0", 1, true) then
        id = value
      end
    end
  end
  return events
end

return { parse = parse }
