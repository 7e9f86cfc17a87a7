--- The output of the command. Standard output has only data; standard error has the text for
--- people: problems, notes, progress. Colours are for terminals, unless NO_COLOR is set.

local core = require("novita.core")
local home = require("novita.cli.home")

local console = {}

local FAILED, USAGE, UNFINISHED, INTERRUPTED = 1, 2, 3, 130
local STYLES = { bold = "1", dim = "2", red = "31", green = "32" }

--- Is this file a terminal?
---@param file file*
---@return boolean
function console.is_terminal(file)
  return core.columns(file) ~= nil
end

--- Puts a text into a style, if that can be seen.
---@param file file* where it is to be written
---@param style "bold"|"dim"|"red"|"green"
---@param text string
---@return string
function console.paint(file, style, text)
  local plain = home.variable("NO_COLOR") or home.variable("TERM") == "dumb"
  if plain or not console.is_terminal(file) then return text end
  return ("\27[%sm%s\27[0m"):format(STYLES[style], text)
end

-- A text from elsewhere must not steer a terminal: control characters but tab and newline go.
local function harmless(file, text)
  if not console.is_terminal(file) then return text end
  return (text:gsub("\194[\128-\159]", ""):gsub("[%z\1-\8\11-\31\127]", ""))
end

--- Writes data, at once. Where that fails, as on a full disk, the command ends: this raises
--- { output = problem }.
---@param text string
---@param style? "bold"|"dim"|"red"|"green"
function console.write(text, style)
  text = harmless(io.stdout, text)
  local ok, problem = io.stdout:write(style and console.paint(io.stdout, style, text) or text)
  if ok then ok, problem = io.stdout:flush() end
  if not ok then error({ output = "standard output: " .. problem }, 0) end
end

--- Writes a value as a line of JSON.
---@param value any
function console.write_json(value)
  console.write(assert(core.encode(value)) .. "\n")
end

--- Writes a note to the terminal.
---@param text string a line
function console.note(text)
  io.stderr:write(harmless(io.stderr, text), "\n")
end

--- A number and what is counted: "1 row", "2 rows".
---@param count integer
---@param what string in the singular
---@return string
function console.count(count, what)
  return ("%d %s%s"):format(count, what, count == 1 and "" or "s")
end

--- Reports an error.
---@param err novita.Error|string
function console.complain(err)
  if type(err) == "table" and err.kind == "cancelled" then err = "interrupted" end
  io.stderr:write(console.paint(io.stderr, "red", "novita:"), " ",
    harmless(io.stderr, tostring(err)), "\n")
end

-- Reasons for which a store can't be used until something else is named, or changed.
local UNUSABLE = { open = true, corrupt = true, denied = true, version = true }

-- Reasons for which it can't be used now, and may be later.
local LATER = {
  locked = "that process ends", connection = "its server can be reached", busy = "it is free",
  serialization = "it is free", full = "its disk has room",
  moved = "the file has its name back",
}

local function status_of(err)
  if err.kind == "config" or err.kind == "store" and UNUSABLE[err.reason] then return USAGE end
  return err.kind == "cancelled" and INTERRUPTED or FAILED
end

--- Reports the error that ends the command, and when the same command can go on.
---@param err novita.Error|string
---@return integer status
function console.fail(err)
  console.complain(err)
  if type(err) == "string" then return FAILED end
  local later = err.kind == "store" and LATER[err.reason]
  if not later then return status_of(err) end
  console.note((err.run and ("novita runs retry %s goes on with the run once "):format(err.run)
    or "novita: the same command goes on with the store once ") .. later)
  return UNFINISHED
end

return console
