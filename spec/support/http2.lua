-- HTTP/2 in front of the shared simulator: nghttpx, which Debian has in nghttp2-proxy.
--
--   local front = http2.start()          or start("--frontend-max-requests=5")
--   if not front then pending(http2.MISSING) return end
--   ... http2.client(front), or calls to front.url with front.ca_file ...
--   front:stop()

local socket = require("socket")

local machine = require("spec.support.machine")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local START_SECONDS = 2
local POLL_SECONDS = 0.005

-- A shell that ends nghttpx when the pipe to it closes, as it does when we end, however that comes.
local COMMAND = "exec 3<&0 2>/dev/null; nghttpx --conf=/dev/null --single-process --workers=1"
  .. " --log-level=FATAL --errorlog-file=/dev/null --accesslog-file=/dev/null"
  .. " --frontend='127.0.0.1,%d' --backend='127.0.0.1,%d' %s '%s' '%s' </dev/null & pid=$!;"
  .. " read _ <&3; kill $pid; wait $pid 2>/dev/null; rm -f '%s' '%s' '%s'"

local CERTIFICATE = [[
local texts = require("spec.support.simulator.tls").texts()
for name, path in pairs { cert = arg[1], key = arg[2], ca = arg[3] } do
  local file = assert(io.open(path, "w"))
  file:write(texts[name])
  file:close()
end
]]

local http2 = {
  --- Why nothing can be tried.
  MISSING = "HTTP/2: there is no nghttpx (Debian: nghttp2-proxy)",
}

local methods = {}
local mt = { __name = "http2", __index = methods }

-- Made by the Lua that runs the simulator, whatever runs the specs.
local function make_certificate(...)
  local program = os.tmpname()
  local file = assert(io.open(program, "w"))
  file:write(CERTIFICATE)
  file:close()
  os.execute(("LUA_PATH='./?.lua;;' '%s' '%s' '%s' '%s' '%s'"):format(
    os.getenv("NOVITA_SIM_LUA") or "lua5.4", program, ...))
end

--- Files with a certificate for 127.0.0.1, its key and its authority's certificate.
---@return { cert: string, key: string, ca: string }
function http2.certificate()
  local files = { cert = os.tmpname(), key = os.tmpname(), ca = os.tmpname() }
  make_certificate(files.cert, files.key, files.ca)
  return files
end

local function wait_for(port)
  local till = socket.gettime() + START_SECONDS
  repeat
    local sock = socket.connect("127.0.0.1", port)
    if sock then return sock:close() end
    socket.sleep(POLL_SECONDS)
  until socket.gettime() > till
  error("nghttpx did not start", 3)
end

--- Starts nghttpx.
---@param options? string more of its options
---@return table? front with url and ca_file; nil where there is no nghttpx
function http2.start(options)
  if not machine.found("nghttpx") then return nil end
  local files, port = http2.certificate(), machine.free_port()
  local backend = tonumber(simulator.shared().port)
  local pipe = assert(io.popen(COMMAND:format(port, backend, options or "", files.key, files.cert,
    files.key, files.cert, files.ca), "w"))
  wait_for(port)
  return setmetatable({
    url = ("https://127.0.0.1:%d/openai/v1"):format(port), ca_file = files.ca, pipe = pipe,
  }, mt)
end

--- A client of a server in front of the simulator, which tries once.
---@param front { url: string, ca_file: string }
---@param options? table
function http2.client(front, options)
  local all = { base_url = front.url, ca_file = front.ca_file }
  for name, value in pairs(options or {}) do all[name] = value end
  return streaming.client(all)
end

function methods:stop()
  self.pipe:close()
end

return http2
