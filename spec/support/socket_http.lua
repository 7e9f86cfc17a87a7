-- Bare HTTP over LuaSocket, for looking at the very bytes a server sends.
--
--   local answer = raw.request(url, { body = "{}" })       one request on a connection of its own
--   local wire = raw.connect(url); wire:send(...); wire:read()   several, or odd ones

local socket = require("socket")

local SECONDS = 2

local raw = {}

local methods = {}
local mt = { __name = "raw", __index = methods }

--- Splits "scheme://host:port/path".
function raw.split(url)
  local host, port, path = url:match("^https?://([^:/]+):(%d+)(.*)$")
  return host, tonumber(port), path
end

--- Opens a connection to the server of a URL.
function raw.connect(url)
  local host, port, path = raw.split(url)
  local sock = assert(socket.connect(host, port))
  sock:settimeout(SECONDS)
  sock:setoption("tcp-nodelay", true)
  return setmetatable({ sock = sock, path = path }, mt)
end

local function request_text(path, options)
  local body = options.body or ""
  local lines = {
    string.format("%s %s HTTP/%s", options.method or "POST", path .. (options.path or ""),
      options.version or "1.1"),
    "Host: simulator",
  }
  if options.key ~= false then
    lines[#lines + 1] = "Authorization: Bearer " .. (options.key or "sk_spec")
  end
  if not options.no_length then lines[#lines + 1] = "Content-Length: " .. #body end
  for _, line in ipairs(options.headers or {}) do lines[#lines + 1] = line end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

--- Sends a request: { method, path, version, key, headers = lines, body, no_length }.
function methods:send(options)
  assert(self.sock:send(request_text(self.path, options)))
end

--- Sends bytes as they are.
function methods:send_bytes(bytes)
  assert(self.sock:send(bytes))
end

local function read_head(sock)
  local line, err = sock:receive("*l")
  if not line then return nil, err end
  local head = { line = line, version = line:match("^HTTP/(%S+)"), header = {}, headers = {} }
  head.status, head.phrase = line:match(" (%d+) ?(.*)$")
  head.status = tonumber(head.status)
  while true do
    line, err = sock:receive("*l")
    if not line then return nil, err end
    if line == "" then return head end
    local name, value = line:match("^([^:]+): ?(.*)$")
    head.headers[#head.headers + 1] = { name, value }
    head.header[name:lower()] = value
  end
end

-- Reads up to `count` bytes, or to the end. Returns them and what ended it early.
local function read_bytes(sock, count)
  local bytes, err, partial = sock:receive(count or "*a")
  return bytes or partial, err
end

local function read_chunks(answer, sock)
  local parts = {}
  while true do
    local line, ended = sock:receive("*l")
    if not line then return table.concat(parts), ended end
    local size = tonumber(line, 16)
    local bytes, err = read_bytes(sock, size + 2)
    if size == 0 then return table.concat(parts) end
    parts[#parts + 1] = bytes:sub(1, size)
    answer.chunks[#answer.chunks + 1] = parts[#parts]
    if err then return table.concat(parts), err end
  end
end

--- Reads one answer: { status, phrase, header, headers, body, chunks, cut }; `cut` says what ended
--- the body before its time. nil and the reason when there is no whole head. Interim answers count.
function methods:read()
  local answer, err = read_head(self.sock)
  if not answer then return nil, err end
  answer.chunks = {}
  if answer.status < 200 then return answer end
  local length = tonumber(answer.header["content-length"])
  if answer.header["transfer-encoding"] == "chunked" then
    answer.body, answer.cut = read_chunks(answer, self.sock)
  elseif length == 0 then
    answer.body = ""
  else
    answer.body, answer.cut = read_bytes(self.sock, length)
  end
  return answer
end

--- Everything until the server closes, and "closed" when that was not in order.
function methods:read_all()
  return read_bytes(self.sock)
end

--- Waits so many seconds for a byte; true when none came.
function methods:is_silent(seconds)
  self.sock:settimeout(seconds)
  local byte, err = self.sock:receive(1)
  self.sock:settimeout(SECONDS)
  return byte == nil and err == "timeout"
end

function methods:close()
  self.sock:close()
end

--- One request on a connection of its own.
function raw.request(url, options)
  local wire = raw.connect(url)
  wire:send(options)
  local answer, err = wire:read()
  wire:close()
  return answer, err
end

return raw
