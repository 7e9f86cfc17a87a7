-- A proxy for tunnels (CONNECT) on this machine; tunnels.lua starts it.
--
--   lua5.4 spec/support/tunnel_server.lua
--
-- Prints its port, and then a line for each CONNECT: its user. The user says what to do: "slow"
-- waits 50 ms before it answers, "mute" never answers. Ends with its standard input.
-- luacheck: std lua54

local cqueues = require("cqueues")
local socket = require("cqueues.socket")

local BLOCK = 65536
local SLOW_SECONDS = 0.05

local loop = cqueues.new()

-- Copies what one side sends to the other, until it ends.
local function relay(from, to)
  repeat
    local bytes = from:read(-BLOCK)
    if bytes then to:write(bytes) end
  until not bytes
  to:shutdown("w")
end

local function decoded(text)
  return (text:gsub("[^%w+/]", ""):gsub("....?", function(group)
    local bits = 0
    for index = 1, 4 do
      local letter = group:sub(index, index)
      local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
      bits = bits * 64 + (letter ~= "" and alphabet:find(letter, 1, true) - 1 or 0)
    end
    return string.char(bits // 65536, bits // 256 % 256, bits % 256)
  end))
end

-- Reads the head of a CONNECT. Returns where it goes, and its user.
local function read_head(client)
  local host, port = (client:read("*l") or ""):match("^CONNECT ([^:]+):(%d+) ")
  local user = ""
  for line in client:lines("*l") do
    if line:match("^%s*$") then break end
    user = user .. decoded(line:match("^Proxy%-Authorization: Basic (%S+)") or ""):match("^[^:]*")
  end
  return host, tonumber(port), user
end

local function serve(client)
  local host, port, user = read_head(client)
  if not host then return client:close() end
  io.write(user, "\n")
  io.flush()
  if user == "mute" then cqueues.sleep(60) end
  if user == "slow" then cqueues.sleep(SLOW_SECONDS) end
  local server = socket.connect(host, port)
  server:setmode("bn", "bn")
  client:write("HTTP/1.1 200 OK\r\n\r\n")
  loop:wrap(function()
    pcall(relay, server, client)
    client:shutdown("w")
  end)
  pcall(relay, client, server)
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
