-- The simulator as specs see it: start one, script it, read its journal.
--
--   local sim = require("spec.support.simulator_client").shared()
--   sim:script { { status = 503 }, { delay = 0.02 } }     the next two requests
--   ... requests to sim.url with any key that begins with sk_ ...
--   assert.are.equal(2, #sim:journal())
--
-- The server itself is simulator.lua, always run by Lua 5.4 whatever runs the specs. Without steps
-- it answers as Novita would. Steps and journal entries are described first.

---@class simulator.step   what to do to one request; everything may be combined
---
--- Which request
---@field match? string      only one whose body or path contains this text
---@field uses? integer      so many requests, not one
---@field early? boolean     answer when the head is read, whatever is left of the body
---@field drip? number       with early: read the body all the same, waiting so long every 256 KiB
---
--- The answer
---@field status? integer    200; from 300 on the body is an error in Novita's manner
---@field envelope? string   the error's shape: "A" (usual), "B", "C", "html", "text", "empty"
---@field reason? string     and message, type, code, metadata: members of the error
---@field body? string       any bytes, in place of what the API would say
---@field body_times? integer      the body repeated
---@field content_type? string
---@field redirect? string   a Location, with status 307 unless another is given
---@field answer? table      laid over the usual completion: content, reasoning_content, tool_calls
---   ({ name, arguments, id, index }), finish_reason, message (more members), usage, id, model,
---   extra (more top-level members), choices (a list of these). sim.null is null, false leaves out.
---
--- The head
---@field phrase? string     the reason phrase
---@field version? string    "1.0"
---@field headers? table     { { name, value }, ... } and { [name] = value }, in place of defaults
---@field headers_only? boolean    no others
---@field header_bytes? integer    so much filler, in lines of 1000 bytes or header_line
---@field interim? table     raw 1xx blocks to send before, and numbers: seconds between them
---@field raw? string        bytes in place of any HTTP; then half_close, or `ending`
---
--- Framing
---@field chunked? boolean
---@field content_length? string|integer|false    any text; false: none, the body ends by closing
---@field gzip? boolean
---@field piece? integer     payload bytes a write, and a chunk when chunked; `pause` between them
---@field join? boolean      the whole body in one chunk
---@field split? integer     bytes a write, head and framing included; `pause` between them
---@field final_chunk? boolean     false: none
---
--- Time, in seconds
---@field delay? number      before anything
---@field delay_headers? number    after the status line
---@field delay_body? number       after the head
---@field pace? number       between the events of a stream
---@field pause? number      between pieces or splits
---
--- The end
---@field cut? integer       stop after so many bytes of the body
---@field cut_pieces? integer      stop after so many events
---@field cut_head? integer  stop after so many bytes of the headers, status line sent
---@field ending? string     "close" (usual after a cut), "reset", "half_close", "stall"
---@field stall? number      a stall this long, after which the rest follows
---@field connection? string "close": and say so
---@field silent_close? boolean|string    true: close unsaid; "request": when the next one comes
---
--- Streams (the model's own way when absent)
---@field events? table      data strings, or { raw = bytes }, in place of the usual ones
---@field newline? string    "\n", "\r", "\r\n" or "mixed"
---@field space? boolean     false: none after "data:"
---@field event? string      an event name for each
---@field bom? boolean
---@field comments? boolean|string    one before each event
---@field done? boolean      whether [DONE] comes last
---@field usage? string      "last", "finish", "every" or "none", whatever the request says
---@field merged_role? boolean     the role in the first delta with text
---@field bare_calls? boolean      the first fragment of a tool call has no arguments
---@field mid_error? string|table  an envelope after 3 events, or { envelope, after, status, event,
---   data, reason, message, ... }; nothing follows but [DONE] with done = true

---@class simulator.entry
---@field number integer     1 for the first since the reset
---@field method string
---@field path string
---@field version string     "1.1"
---@field headers table      { { name, value }, ... } as they came
---@field header table       by lower-case name, repeated ones joined by ", "
---@field body string?       nil while it is under way
---@field connection integer counts connections; `request` counts requests on this one
---@field tls boolean
---@field status integer?    the answer's
---@field received number    seconds since the start of the simulator, as are first_byte, last_byte
---   (of the answer) and client_closed
---@field sent integer?      bytes, once the answer is over
---@field complete boolean?  whether the answer was meant to be whole, and is
---@field aborted boolean?   the client left before that

local socket = require("socket")

local data = require("spec.support.data")

local START_SECONDS = 10
local POLL_SECONDS = 0.005
local SHARED = "novita.simulator"

local here = debug.getinfo(1, "S").source:match("^@(.*)simulator_client%.lua$")

local sim = {
  --- JSON's null, for use in steps.
  null = data.null,
  --- The descriptors of control connections, as keys.
  descriptors = {},
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
---@return table sim with url and, with tls, tls_url and ca_file
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
  sim.descriptors[self.control:getfd()] = true
  setmetatable(self, mt)
  self:reset()
  return self
end

-- Busted forgets modules and globals between spec files; the registry it leaves alone. What is kept
-- there gets the methods of this load, so that its null is the one the spec file knows.
local registry = debug.getregistry()

--- The one simulator of this process, with TLS, started when first asked for.
function sim.shared()
  local shared = registry[SHARED] or sim.start { tls = true }
  registry[SHARED] = shared
  return setmetatable(shared, mt)
end

local refusing -- a socket, lest another program listens at its port

--- A base URL where nothing listens: connections are refused.
---@return string url
function sim.refused()
  if not refusing then
    refusing = assert(socket.tcp())
    assert(refusing:bind("127.0.0.1", 0))
    sim.descriptors[refusing:getfd()] = true
  end
  return "http://127.0.0.1:" .. select(2, refusing:getsockname()) .. "/openai/v1"
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
---@param steps simulator.step[]
function methods:script(steps)
  ask(self, "POST", "script", steps)
end

--- The step for every request that finds none in the script.
---@param step? simulator.step none: forget it
function methods:always(step)
  ask(self, "POST", "always", step)
end

--- What to do to the next connections as they are accepted.
---@param doors table[] { delay, bytes, ending, when }; when is "accept" (before TLS), "request"
---   (after one, over HTTP/2), or nil: after TLS
function methods:connections(doors)
  ask(self, "POST", "connections", doors)
end

--- Sets limits in place of those given at the start, and forgets what was counted.
---@param limits table { rpm, tpm, concurrent, clock, retry_after }
function methods:limits(limits)
  ask(self, "POST", "limits", limits)
end

--- Counts: accepted and open connections, requests, those in flight now and at most, and the tokens
--- of all chats that were answered, in batches too.
---@return table stats { accepted, open, requests, active, most_active, prompt_tokens,
---  completion_tokens }
function methods:stats()
  return assert(data.decode(ask(self, "GET", "stats")))
end

--- Forgets script, journal and counts, and goes back to the limits of the start.
function methods:reset()
  ask(self, "POST", "reset")
end

--- What arrived since the last reset.
---@return simulator.entry[] entries
function methods:journal()
  local entries = {}
  for line in ask(self, "GET", "journal"):gmatch("[^\n]+") do
    entries[#entries + 1] = assert(data.decode(line))
  end
  return entries
end

--- Polls the journal until predicate(entries) gives something true, and returns that.
---@param predicate fun(entries: table[]): any
---@param seconds? number 10 by default
function methods:wait_for(predicate, seconds)
  local till = socket.gettime() + (seconds or 10)
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
  sim.descriptors[self.control:getfd()] = nil
  self.control:close()
  if self == registry[SHARED] then registry[SHARED] = nil end
end

return sim
