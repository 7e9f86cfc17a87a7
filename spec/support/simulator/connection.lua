-- One accepted connection: its bytes in and out, and the client's going away.
--
-- Nothing here knows HTTP. Reads fill a buffer; writes go out at once, unbuffered, so that what
-- send.lua calls a piece is one write. Whoever waits on a connection also watches it: a client that
-- leaves raises `connection.gone` from write, wait or read, which unwinds to the serving loop.
-- luacheck: std lua54

local cqueues = require("cqueues")
local errno = require("cqueues.errno")
local socket = require("socket")

local READ_SIZE = 65536
local HANDSHAKE_SECONDS = 10
local ALERT_SECONDS = 0.05 -- to read why it failed, before a reset can overtake that
local NO_FD = -1

local connection = {}

--- The value raised when the client has left.
connection.gone = setmetatable({}, { __tostring = function() return "client left" end })

local methods = {}
local mt = { __name = "simulator.connection", __index = methods }

---@param sock userdata a cqueues socket
---@param number integer counts the connections
---@param tls boolean
function connection.new(sock, number, tls)
  sock:setmode("b", "bn")
  sock:settimeout(nil)
  local fd = sock:pollfd()
  return setmetatable({
    sock = sock,
    fd = fd,
    number = number,
    tls = tls,
    requests = 0,
    sent = 0,
    buffer = "",
    watch = { pollfd = fd, events = "r" },
  }, mt)
end

--- Waits for more bytes. Raises when there will be none.
function methods:fill()
  local bytes = self.sock:xread(-READ_SIZE, "b")
  if not bytes then error(connection.gone, 0) end
  self.buffer = self.buffer .. bytes
end

--- Takes everything up to and including `mark`; raises if `limit` bytes hold no mark.
function methods:take_until(mark, limit)
  local from = 1
  while true do
    local _, last = self.buffer:find(mark, from, true)
    if last then
      local taken = self.buffer:sub(1, last)
      self.buffer = self.buffer:sub(last + 1)
      return taken
    end
    if #self.buffer > limit then error(connection.gone, 0) end
    from = math.max(1, #self.buffer - #mark + 2)
    self:fill()
  end
end

--- Takes exactly `count` bytes.
function methods:take(count)
  if count <= #self.buffer then
    local taken = self.buffer:sub(1, count)
    self.buffer = self.buffer:sub(count + 1)
    return taken
  end
  local parts, have = { self.buffer }, #self.buffer
  self.buffer = ""
  while have < count do
    self:fill()
    local wanted = count - have
    parts[#parts + 1] = self.buffer:sub(1, wanted)
    have = have + #parts[#parts]
    self.buffer = self.buffer:sub(wanted + 1)
  end
  return table.concat(parts)
end

--- Takes so many bytes and forgets them; returns a text that says how many there were.
function methods:skip(count)
  local left = count - #self.buffer
  self.buffer = ""
  while left > 0 do
    self:fill()
    left = left - #self.buffer
    self.buffer = left < 0 and self.buffer:sub(left) or ""
  end
  return ("%d bytes"):format(count)
end

--- Sends bytes with one write each call. Raises when the client has left.
function methods:write(bytes)
  if bytes == "" then return end
  local ok = self.sock:xwrite(bytes, "bn")
  if not ok then error(connection.gone, 0) end
  self.sent = self.sent + #bytes
end

-- Takes what the client sent meanwhile; false at the end of its stream.
local function absorb(self)
  local bytes, why = self.sock:xread(-READ_SIZE, "b", 0)
  if bytes then
    self.buffer = self.buffer .. bytes
    return true
  end
  if why ~= errno.ETIMEDOUT then return false end
  self.sock:clearerr()
  return true
end

--- Lets seconds pass (for good, without an argument), and raises if the client leaves meanwhile.
function methods:wait(seconds)
  local till = seconds and cqueues.monotime() + seconds
  while true do
    local left = till and till - cqueues.monotime()
    if left and left <= 0 then return end
    if cqueues.poll(self.watch, left) == self.watch and not absorb(self) then
      error(connection.gone, 0)
    end
  end
end

--- Agrees on TLS as the server. False when the client does not.
function methods:start_tls(ctx)
  if self.sock:starttls(ctx, HANDSHAKE_SECONDS) then return true end
  cqueues.sleep(ALERT_SECONDS)
  return false
end

-- A reset needs SO_LINGER with no time, which cqueues cannot set; LuaSocket can.
local function forget_on_close(fd)
  local handle = socket.tcp()
  handle:setfd(fd)
  handle:setoption("linger", { on = true, timeout = 0 })
  handle:setfd(NO_FD)
end

local endings = {}

function endings.close(self)
  self:close()
end

function endings.reset(self)
  forget_on_close(self.fd)
  self:close()
end

-- Reading on also keeps the bytes still under way to us from turning into a reset.
function endings.half_close(self)
  self.sock:shutdown("w")
  while true do
    self.buffer = ""
    self:fill()
  end
end

function endings.stall(self)
  self:wait()
end

--- Ends the connection: "close", "reset", "half_close" (then waits for the client to leave), or
--- "stall" (waits without a word).
function methods:finish(ending)
  endings[ending](self)
end

--- Closes, for good or again. TLS gets no goodbye: cqueues has none.
function methods:close()
  if self.closed then return end
  self.closed = true
  self.sock:close()
end

return connection
