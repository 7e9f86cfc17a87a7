-- A proxy for tunnels (CONNECT) on this machine; tunnels.lua starts it.
--
--   lua5.4 spec/support/tunnel_server.lua
--
-- Prints its port, and then a line for each CONNECT: its user. The user says what to do: "slow"
-- waits 50 ms before it answers, "mute" never answers; "brief" gets one tunnel, which is reset when
-- a request comes after a silence, then refusals without end. Ends with its standard input.
-- luacheck: std lua54

local cqueues = require("cqueues")
local mime = require("mime")
local socket = require("cqueues.socket")

local BLOCK = 65536
local SLOW_SECONDS = 0.05
local SILENCE_SECONDS = 0.05

local loop = cqueues.new()

-- Copies what one side sends to the other, until it ends; or, where there is a time for it, until
-- something comes after a silence.
local function relay(from, to, silence)
  repeat
    local since = cqueues.monotime()
    if silence then cqueues.poll { pollfd = from:pollfd(), events = "r" } end
    if silence and cqueues.monotime() - since > silence then return end
    local bytes = from:read(-BLOCK)
    if bytes then to:write(bytes) end
  until not bytes
  to:shutdown("w")
end

-- Reads the head of a CONNECT. Returns where it goes, and its user.
local function read_head(client)
  local host, port = (client:read("*l") or ""):match("^CONNECT ([^:]+):(%d+) ")
  local user = ""
  for line in client:lines("*l") do
    if line:match("^%s*$") then break end
    local login = line:match("^Proxy%-Authorization: Basic (%S+)")
    if login then user = mime.unb64(login):match("^[^:]*") end
  end
  return host, tonumber(port), user
end

local has_been_brief = false

local function refuse(client)
  client:write("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
    .. "Content-Length: 1000000000\r\n\r\n")
  repeat until not client:write(("x"):rep(BLOCK))
end

local function serve(client)
  local host, port, user = read_head(client)
  if not host then return client:close() end
  io.write(user, "\n")
  io.flush()
  if user == "mute" then cqueues.sleep(60) end
  if user == "slow" then cqueues.sleep(SLOW_SECONDS) end
  if user == "brief" and has_been_brief then return refuse(client) end
  has_been_brief = has_been_brief or user == "brief"
  local server = socket.connect(host, port)
  server:setmode("bn", "bn")
  client:write("HTTP/1.1 200 OK\r\n\r\n")
  loop:wrap(function()
    pcall(relay, server, client)
    pcall(client.shutdown, client, "w")
  end)
  pcall(relay, client, server, user == "brief" and SILENCE_SECONDS)
  if user == "brief" then client:close() end -- with bytes that were not read: that is a reset
end

local listener = socket.listen("127.0.0.1", 0)
local _, _, port = listener:localname()
io.write(port, "\n")
io.flush()

loop:wrap(function()
  for client in listener:clients() do
    client:setmode("bn", "bn")
    client:onerror(function(_, _, code) return code end)
    loop:wrap(function() pcall(serve, client) end)
  end
end)
loop:wrap(function()
  local input = socket.dup(0)
  input:setmode("bn", "bn")
  repeat until not input:read(1)
  os.exit(0, false)
end)
assert(loop:loop())
