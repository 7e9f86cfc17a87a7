-- What the specs ask of the machine they run on.

local socket = require("socket")

local machine = {}

--- A port of 127.0.0.1 on which nobody listens now.
---@return integer
function machine.free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.floor(tonumber(port))
end

--- Where a program is, or nil.
---@param program string
---@return string?
function machine.found(program)
  local pipe = io.popen("command -v " .. program)
  local path = pipe:read("*l")
  pipe:close()
  return path
end

return machine
