--- Runs and their logs as lines of text.

local core = require("novita.core")

local timeline = {}

local function clock(seconds, format)
  return seconds and os.date(format or "%Y-%m-%d %H:%M:%S", math.floor(seconds)) or "-"
end

local function tokens_of(what)
  if not what.prompt_tokens and not what.completion_tokens then return nil end
  return ("%d+%d tokens"):format(what.prompt_tokens or 0, what.completion_tokens or 0)
end

local function money_of(what)
  return what.usd and ("%.6f USD"):format(what.usd)
end

-- A text as a part of a line: names and messages may have line breaks and tabs.
local function flat(text)
  return (tostring(text):gsub("%c+", " "))
end

-- Joins the parts that there are.
local function joined(separator, ...)
  local parts = {}
  for index = 1, select("#", ...) do
    local part = select(index, ...)
    if part then parts[#parts + 1] = flat(part) end
  end
  return table.concat(parts, separator)
end

local function step_of(entry)
  local name = flat(entry.step)
  return entry.item and ("%s[%d]"):format(name, entry.item) or name
end

local function error_of(err)
  return err and ("%s: %s"):format(err.kind, err.message) or nil
end

--- A run in one line: id, workflow, status, where it has failed.
---@param record novita.RunRecord
---@return string
function timeline.head(record)
  return joined("  ", record.id, record.flow, record.status,
    record.failed_step and "at " .. record.failed_step, clock(record.created_at),
    tokens_of(record), money_of(record))
end

--- Returns the fields of timeline.head with a tab between them; those that are not there are empty.
---@param record novita.RunRecord
---@return string
function timeline.row(record)
  return table.concat({ record.id, flat(record.flow), record.status, flat(record.failed_step or ""),
    clock(record.created_at), record.prompt_tokens or 0, record.completion_tokens or 0,
    record.usd and ("%.6f"):format(record.usd) or "" }, "\t")
end

--- An event of a step while a run goes on.
---@param event table as on_step receives it
---@return string
function timeline.event(event)
  return joined("  ", ("%-20s %-8s"):format(step_of(event), event.state),
    event.seconds and ("%.2f s"):format(event.seconds), event.error)
end

local function columns_of(entry)
  return {
    clock(entry.at, "%H:%M:%S"), entry.pass, step_of(entry), entry.state,
    entry.seconds and ("%.2f s"):format(entry.seconds) or "",
    joined("  ", entry.status, tokens_of(entry), money_of(entry), entry.request_id,
      error_of(entry.error)),
  }
end

--- The lines of a run: its head, its error or result, and an attempt each.
---@param record novita.RunRecord with its log
---@return string[]
function timeline.lines(record)
  local lines = { timeline.head(record) }
  if record.error then lines[2] = "  " .. flat(record.error) end
  if record.result ~= nil then lines[#lines + 1] = "  " .. assert(core.encode(record.result)) end
  for _, entry in ipairs(record.log) do
    local cells = columns_of(entry)
    local line = ("%s  %s  %-20s %-7s %9s  %s"):format(cells[1], cells[2], cells[3], cells[4],
      cells[5], cells[6])
    lines[#lines + 1] = line:gsub(" +$", "")
    if entry.input then lines[#lines + 1] = "    > " .. assert(core.encode(entry.input)) end
    if entry.answer then lines[#lines + 1] = "    < " .. assert(core.encode(entry.answer)) end
  end
  return lines
end

return timeline
