-- A chat client on LuaSocket, LuaSec and lua-cjson, as a user writes it: one connection, kept.

local cjson = require "cjson"
local socket = require "socket"
local ssl = require "ssl"
local body = require "clients.body"
local texts = require "clients.texts"

local client = {}
client.__index = client

local function connect(url, ca_file)
  local scheme, host, port, path = url:match("^(https?)://([^:/]+):(%d+)(/.*)$")
  local sock = assert(socket.tcp())
  sock:settimeout(30)
  assert(sock:connect(host, tonumber(port)))
  sock:setoption("tcp-nodelay", true)
  if scheme == "https" then
    sock = assert(ssl.wrap(sock, {
      mode = "client", protocol = "any", options = { "all", "no_sslv3" },
      verify = "peer", cafile = ca_file,
    }))
    sock:settimeout(30)
    assert(sock:dohandshake())
  end
  return setmetatable({ sock = sock, host = host .. ":" .. port, path = path }, client)
end

local function receive_head(sock)
  local status = tonumber(assert(sock:receive("*l")):match("^HTTP/1%.1 (%d%d%d)"))
  local headers = {}
  while true do
    local line = assert(sock:receive("*l"))
    if line == "" then return status, headers end
    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    headers[name:lower()] = value
  end
end

function client:post(request)
  local json = cjson.encode(request)
  assert(self.sock:send(table.concat({
    "POST " .. self.path .. " HTTP/1.1",
    "Host: " .. self.host,
    "Authorization: Bearer sk_0123456789abcdef0123456789abcdef01234567",
    "Content-Type: application/json",
    "Accept: */*",
    "Content-Length: " .. #json,
    "", json,
  }, "\r\n")))
  local status, headers = receive_head(self.sock)
  assert(status == 200, status)
  return headers
end

function client:chat(model)
  local headers = self:post(body(model))
  local json = assert(self.sock:receive(tonumber(headers["content-length"])))
  return cjson.decode(json)
end

function client:texts(model)
  local headers = self:post(body(model, true))
  assert(headers["transfer-encoding"] == "chunked")
  return texts(function()
    local size = tonumber(assert(self.sock:receive("*l")), 16)
    local bytes = assert(self.sock:receive(size))
    assert(self.sock:receive("*l"))
    return size > 0 and bytes or nil
  end)
end

return connect
