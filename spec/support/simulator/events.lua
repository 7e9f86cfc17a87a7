-- Event-stream framing: data strings into blocks, with the oddities a script asks for.
-- luacheck: std lua54

local errors = require("spec.support.simulator.errors")

local DONE = "[DONE]"
local BOM = "\xEF\xBB\xBF"
local MIXED = { "\n", "\r\n", "\r" }

local events = {}

-- Gives the line ending, a new one each time when they are mixed.
local function line_endings(newline)
  local turn = 0
  return function()
    if newline ~= "mixed" then return newline or "\n" end
    turn = turn % #MIXED + 1
    return MIXED[turn]
  end
end

-- One block: a data line for each line of the data. CR right before LF would read as one ending,
-- so a blank line is never begun with LF after CR.
local function block(value, eol, step)
  if type(value) == "table" then return value.raw end
  local field = step.space == false and "data:" or "data: "
  local lines = {}
  if step.event then lines[1] = "event: " .. step.event .. eol() end
  for line in (value .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = field .. line .. eol() end
  local blank = eol()
  if blank == "\n" and lines[#lines]:sub(-1) == "\r" then blank = "\r" end
  return table.concat(lines) .. blank
end

local function broken_off(list, mid_error)
  if type(mid_error) == "string" then mid_error = { envelope = mid_error } end
  local kept = { table.unpack(list, 1, mid_error.after or 3) }
  local data = mid_error.data
    or errors.body(mid_error.status or 500, mid_error, mid_error.envelope)
  data = data:gsub("\n$", "")
  kept[#kept + 1] = mid_error.event and { raw = "event: " .. mid_error.event .. "\ndata: " .. data
    .. "\n\n" } or data
  return kept
end

-- Whether [DONE] goes last: unless a script says no, or said it itself, or broke the stream.
local function ends_with_done(list, step)
  if step.done ~= nil then return step.done end
  return not step.mid_error and list[#list] ~= DONE
end

--- Frames a list of data strings ({ raw = bytes } stands for itself): one piece an event.
---@param list table
---@param step table newline, bom, comments, space, event, mid_error, done
---@return string[] pieces
function events.pieces(list, step)
  if step.mid_error then list = broken_off(list, step.mid_error) end
  local eol = line_endings(step.newline)
  local comment = step.comments == true and ": keep-alive" or step.comments
  local pieces = {}
  for index, value in ipairs(list) do
    local text = block(value, eol, step)
    if comment then text = comment .. eol() .. eol() .. text end
    pieces[index] = text
  end
  if ends_with_done(list, step) then pieces[#pieces + 1] = block(DONE, eol, {}) end
  if step.bom then pieces[1] = BOM .. (pieces[1] or "") end
  return pieces
end

return events
