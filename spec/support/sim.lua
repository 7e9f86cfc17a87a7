-- The simulator as specs see it: start one, script it, read its journal.
--
--   local sim = require("spec.support.sim").shared()
--   sim:script { { status = 503 }, { delay = 0.02 } }     the next two requests
--   ... requests to sim.url with any key that begins with sk_ ...
--   assert.are.equal(2, #sim:journal())
--
-- The server itself is simulator.lua, always run by Lua 5.4 whatever runs the specs. Without steps
-- it answers as Novita would; doc/ is spec/support/STEPS.md.

local socket = require("socket")

local data = require("spec.support.data")

local START_SECONDS = 10
local POLL_SECONDS = 0.005

local here = debug.getinfo(1, "S").source:match("^@(.*)sim%.lua$")

local sim = {
  --- JSON's null, for use in steps.
  null = data.null,
}

local methods = {}
local mt = { __name = "simulator", __index = methods }

local function quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

-- In the background of its own shell, so that closing the pipe waits for the shell alone.
local function command_line(options)
  local words = {
    quote(os.getenv("NOVITA_SIM_LUA") or "lua5.4"), quote(here .. "simulator.lua"), "--owner",
  }
  for name, value in pairs(options) do
    if value then words[#words + 1] = "--" .. name:gsub("_", "-") end
    if value and value ~= true then words[#words + 1] = quote(value) end
  end
  return table.concat(words, " ") .. " </dev/null &"
end

local function receive_answer(control)
  local line, err = control:receive("*l")
  if not line then return nil, err end
  local status, length = tonumber(line:match(" (%d+) ")), 0
  repeat
    line = control:receive("*l")
    length = tonumber(line and line:lower():match("^content%-length: (%d+)")) or length
  until not line or line == ""
  local text = length > 0 and control:receive(length) or ""
  if status ~= 200 then return nil, text end
  return text
end

-- One request on the control connection; raises when the simulator refuses or is gone.
local function ask(self, method, path, value)
  local body = value ~= nil and data.encode(value) or ""
  local head = string.format(
    "%s /_sim/%s HTTP/1.1\r\nHost: simulator\r\nContent-Length: %d\r\n\r\n", method, path, #body)
  assert(self.control:send(head .. body))
  local text, err = receive_answer(self.control)
  if not text then error("simulator: " .. tostring(err), 3) end
  return text
end

--- Starts a simulator and connects to it.
---@param options? table port, ...: the options of simulator.lua, with _ for -
---@return table sim with url, tls_url, ca_file
function sim.start(options)
  options = options or {}
  local pipe = assert(io.popen(command_line(options), "r"))
  local url = pipe:read("*l")
  if not url then error("the simulator did not start", 2) end
  local self = { url = url }
  if options.tls then
    self.tls_url, self.ca_file = (pipe:read("*l") or ""):match("^(%S+) (.+)$")
  end
  pipe:close()
  self.host, self.port = url:match("^http://([^:/]+):(%d+)")
  self.control = assert(socket.connect(self.host, tonumber(self.port)))
  self.control:settimeout(START_SECONDS)
  self.control:setoption("tcp-nodelay", true)
  setmetatable(self, mt)
  self:reset()
  return self
end

local shared

--- The one simulator of this process, started when first asked for.
function sim.shared()
  shared = shared or sim.start()
  return shared
end

--- A base URL where nothing listens: connections are refused.
---@return string url
function sim.refused()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return "http://127.0.0.1:" .. port .. "/openai/v1"
end

--- A base URL that never answers the first packet, so that connecting takes for ever: the queue of
--- its listener is full.
---@return string url, fun() close
function sim.deaf()
  local listener = assert(socket.tcp())
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(0))
  local _, port = listener:getsockname()
  local held = { listener }
  for index = 2, 3 do
    held[index] = socket.tcp()
    held[index]:settimeout(0)
    held[index]:connect("127.0.0.1", port)
  end
  return "http://127.0.0.1:" .. port .. "/openai/v1", function()
    for _, sock in ipairs(held) do sock:close() end
  end
end

--- Steps for the next requests, first in, first out.
---@param steps table[]
function methods:script(steps)
  ask(self, "POST", "script", steps)
end

--- The step for every request that finds none in the script.
---@param step table
function methods:always(step)
  ask(self, "POST", "always", step)
end

--- What to do to the next connections as they are accepted.
---@param doors table[] { delay, bytes, ending, when = "accept" (before TLS) }
function methods:connections(doors)
  ask(self, "POST", "connections", doors)
end

--- Sets limits in place of those given at the start, and forgets what was counted.
---@param limits table { rpm, tpm, concurrent, clock, retry_after }
function methods:limits(limits)
  ask(self, "POST", "limits", limits)
end

--- Counts: accepted and open connections, requests, and those in flight now and at most.
---@return table stats { accepted, open, requests, active, most_active }
function methods:stats()
  return assert(data.decode(ask(self, "GET", "stats")))
end

--- Forgets script, journal and counts, and goes back to the limits of the start.
function methods:reset()
  ask(self, "POST", "reset")
end

--- What arrived since the last reset.
---@return table[] entries
function methods:journal()
  local entries = {}
  for line in ask(self, "GET", "journal"):gmatch("[^\n]+") do
    entries[#entries + 1] = assert(data.decode(line))
  end
  return entries
end

--- Polls the journal until predicate(entries) gives something true, and returns that.
---@param predicate fun(entries: table[]): any
---@param seconds? number 2 by default
function methods:wait_for(predicate, seconds)
  local till = socket.gettime() + (seconds or 2)
  while true do
    local found = predicate(self:journal())
    if found then return found end
    if socket.gettime() > till then return nil end
    socket.sleep(POLL_SECONDS)
  end
end

--- Ends the simulator and waits until it has ended.
function methods:stop()
  pcall(ask, self, "POST", "stop")
  self.control:receive("*a")
  self.control:close()
  if self == shared then shared = nil end
end

return sim
