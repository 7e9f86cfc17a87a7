--- Shows the progress of a batch on standard error: one line that a terminal redraws, else a line
--- now and then.

local console = require("novita.cli.console")
local core = require("novita.core")

local progress = {}

local INTERVAL = 10 -- seconds between two lines where there is no terminal

---@class novita.cli.Progress
local methods = {}
local mt = { __name = "novita.cli.progress", __index = methods }

-- 75 as "1:15", 3675 as "1:01:15".
local function clock(seconds)
  seconds = math.floor(seconds + 0.5)
  local hours, minutes = math.floor(seconds / 3600), math.floor(seconds / 60) % 60
  if hours > 0 then return ("%d:%02d:%02d"):format(hours, minutes, seconds % 60) end
  return ("%d:%02d"):format(minutes, seconds % 60)
end

--- The line for a status.
---@param status novita.BatchProgress
---@return string
function progress.line(status)
  local parts = {
    ("%d/%d rows"):format(status.done + status.failed, status.total),
    ("%d failed"):format(status.failed), ("%.1f/s"):format(status.rate),
    ("%d tokens"):format(status.tokens),
  }
  if status.usd then parts[#parts + 1] = ("%.4f USD"):format(status.usd) end
  if status.waiting > 0 and status.seconds_left then
    parts[#parts + 1] = clock(status.seconds_left) .. " left"
  end
  return table.concat(parts, ", ")
end

-- Goes to the beginning of the line that was drawn, and clears it. A terminal that has become
-- narrower shows it in several rows.
local function clear(self, columns)
  if not self.drawn then return end
  local rows = math.ceil(self.drawn / columns) - 1
  io.stderr:write("\r", rows > 0 and ("\27[%dA"):format(rows) or "", "\27[J")
  self.drawn = nil
end

--- Shows a line.
---@param line string
function methods:show(line)
  local columns = core.columns(io.stderr)
  if columns then
    line = line:sub(1, columns - 1)
    clear(self, columns)
    io.stderr:write(line)
    self.drawn = #line
    return
  end
  local now = core.now()
  if now < self.due then return end
  self.due = now + INTERVAL
  console.note(line)
end

--- Shows a status.
---@param status novita.BatchProgress
function methods:update(status)
  self:show(progress.line(status))
end

--- Writes a note, in a line above.
---@param text string
function methods:note(text)
  self:finish()
  console.note(text)
end

--- Ends the line; what is written next begins in column 1.
function methods:finish()
  if self.drawn then io.stderr:write("\n") end
  self.drawn = nil
end

--- Begins with nothing shown.
---@return novita.cli.Progress
function progress.new()
  return setmetatable({ due = core.now() + INTERVAL }, mt)
end

return progress
