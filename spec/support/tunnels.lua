-- A proxy through which calls to https servers go, see tunnel_server.lua.
--
--   local proxy = tunnels.start()
--   proxy:url("slow")      with that user; proxy:url() without
--   proxy:users()          of the CONNECTs so far
--   proxy:stop()

local socket = require("socket")

local files = require("spec.support.files")

-- The shell keeps the pipe open as the standard input of the proxy, which ends with it.
local COMMAND = "exec 3<&0; LUA_PATH='./?.lua;;' exec '%s' spec/support/tunnel_server.lua <&3 >'%s'"
local START_SECONDS = 2

local tunnels = {}

local methods = {}
local mt = { __index = methods }

function methods:url(user)
  return ("http://%s127.0.0.1:%d"):format(user and user .. ":password@" or "", self.port)
end

function methods:users()
  local list = {}
  for line in files.read(self.output):gmatch("([^\n]*)\n") do list[#list + 1] = line end
  table.remove(list, 1) -- the port
  return list
end

function methods:stop()
  self.pipe:close()
  os.remove(self.output)
end

--- Starts one.
---@return table proxy
function tunnels.start()
  local output = os.tmpname()
  local lua = os.getenv("NOVITA_SIM_LUA") or "lua5.4"
  local pipe = assert(io.popen(COMMAND:format(lua, output), "w"))
  local till = socket.gettime() + START_SECONDS
  local port
  repeat
    socket.sleep(0.005)
    port = tonumber((files.read(output):match("^(%d+)\n")))
  until port or socket.gettime() > till
  assert(port, "the proxy did not start")
  return setmetatable({ port = port, output = output, pipe = pipe }, mt)
end

return tunnels
