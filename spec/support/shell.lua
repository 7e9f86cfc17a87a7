-- What shell commands print.

local shell = {}

--- All that a command prints.
---@param command string
---@return string
function shell.output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- Its first line.
---@param command string
---@return string? line nil if it prints nothing
function shell.line(command)
  return shell.output(command):match("^[^\n]+")
end

return shell
