-- Listeners, connections and the life of a request, from its first byte to the journal.
-- luacheck: std lua54

local cqueues = require("cqueues")
local socket = require("cqueues.socket")

local api = require("spec.support.simulator.api")
local connection = require("spec.support.simulator.connection")
local control = require("spec.support.simulator.control")
local errors = require("spec.support.simulator.errors")
local files = require("spec.support.simulator.files")
local http = require("spec.support.simulator.http")
local journal = require("spec.support.simulator.journal")
local limits = require("spec.support.simulator.limits")
local plan = require("spec.support.simulator.plan")
local script = require("spec.support.simulator.script")
local send = require("spec.support.simulator.send")

local RETRY_SECONDS = 0.01 -- when there are too many open files to accept one more
local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

local server = {}

local methods = {}
local mt = { __name = "simulator.server", __index = methods }

--- Makes a server on a cqueues loop. `options.owner`: call `stop` when the first control
--- connection closes.
---@param loop userdata
---@param options table
---@param stop fun()
function server.new(loop, options, stop)
  local started = cqueues.monotime()
  return setmetatable({
    loop = loop, options = options, stop = stop,
    now = function() return cqueues.monotime() - started end,
    listeners = {}, doors = {}, script = script.new(), limits = limits.new(options),
    journal = journal.new(tonumber(options.journal)),
    usual_step = options.pace and { pace = tonumber(options.pace) },
    resets = 0, -- a request from before the last one does not count as active
    stats = { accepted = 0, open = 0, requests = 0, active = 0, most_active = 0,
      prompt_tokens = 0, completion_tokens = 0 },
  }, mt)
end

--- Listens no more; the answer under way is the last.
function methods:shut()
  self.stopping = true
  for _, listener in ipairs(self.listeners) do listener:close() end
end

-- Accepts and reads what has arrived by now: one turn of the loop accepts, one serves, one reads.
local function catch_up()
  for _ = 1, 4 do cqueues.sleep(0) end
end

--- Forgets script, journal and limits. A request that its client has given up is not of what comes
--- next, though it may not have been read yet.
function methods:reset()
  catch_up()
  self.script:clear()
  self.doors = {}
  self.journal:reset()
  files.reset()
  self.limits:set(self.options)
  for _, name in ipairs { "requests", "active", "most_active", "prompt_tokens",
    "completion_tokens" } do self.stats[name] = 0 end
  self.resets = self.resets + 1
end

local function serve_control(self, con, request)
  request.body = http.read_body(con, request)
  con.control = true
  if self.options.owner and not self.owner then self.owner = con end
  local status, text = control.run(self, request)
  con:write(string.format("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s",
    status, http.phrase(status), #text, text))
  if self.stopping then self.stop() end
  return true
end

-- The step is taken when the request is whole, but an early one already at the head.
local function read_rest(self, con, request, entry)
  local step = self.script:take(request, true)
  if step and step.drip then
    request.body = http.drip(con, request, step.drip)
    return step
  end
  if step then
    request.unread, request.body = true, ""
    return step
  end
  request.body = http.read_body(con, request)
  entry.body = request.body
  return self.script:take(request)
end

-- What is paid for: the tokens of every answer that was made, whether it arrives or not.
local function count_usage(stats, usage)
  if not usage then return end
  stats.prompt_tokens = stats.prompt_tokens + usage.prompt_tokens
  stats.completion_tokens = stats.completion_tokens + (usage.completion_tokens or 0)
end

-- A request that we did not foresee is a backend exception, as it would be elsewhere.
local function make_answer(self, request, step)
  local ok, answer = pcall(api.answer, request, step, function(model, tokens)
    return self.limits:admit(model, tokens, self.now(), self.stats.active)
  end)
  if ok then
    count_usage(self.stats, answer.usage)
    return answer
  end
  io.stderr:write("simulator: ", tostring(answer), "\n")
  return errors.answer(500, { message = tostring(answer) })
end

local function answer_api(self, con, request, entry)
  local step = read_rest(self, con, request, entry) or self.usual_step
  local answer = make_answer(self, request, step)
  local planned = plan.build(request, answer, step, string.format("%032x", entry.number))
  entry.status = planned.status
  return send.answer(con, planned, entry, self.now)
end

local function count_in(self)
  local stats = self.stats
  stats.requests, stats.active = stats.requests + 1, stats.active + 1
  stats.most_active = math.max(stats.most_active, stats.active)
end

local function serve_api(self, con, request)
  local entry = self.journal:open(con, request, self.now())
  con.sent = 0
  local resets = self.resets
  count_in(self)
  local ok, more = pcall(answer_api, self, con, request, entry)
  if self.resets == resets then self.stats.active = self.stats.active - 1 end
  entry.sent = con.sent
  if not ok then
    if more == connection.gone then
      entry.aborted, entry.client_closed = not entry.complete or nil, self.now()
    end
    error(more, 0)
  end
  return more
end

local function serve_request(self, con)
  local request = http.read_head(con)
  if not request then
    con:write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return false
  end
  if control.owns(request) and not con.tls then return serve_control(self, con, request) end
  con.requests = con.requests + 1
  return serve_api(self, con, request)
end

local function serve_requests(self, con)
  repeat until not serve_request(self, con)
end

-- Reads HTTP/2 up to the end of a request.
local function pass_frames(con)
  con:take(#PREFACE)
  repeat
    local length, kind, flags = string.unpack(">I3BBxxxx", con:take(9))
    con:take(length)
  until kind <= 1 and flags & 1 == 1 -- DATA or HEADERS; END_STREAM
end

-- What a script does to a connection before any request. True when it goes on as usual.
local function pass_door(self, con, ctx)
  local door = not con.control and table.remove(self.doors, 1) or {}
  if door.delay and ctx then -- con:wait would take what belongs to TLS
    cqueues.sleep(door.delay)
  elseif door.delay then
    con:wait(door.delay)
  end
  if ctx and door.when ~= "accept" and not con:start_tls(ctx) then return false end
  if door.when == "request" then pass_frames(con) end
  if door.bytes then con:write(door.bytes) end
  if not door.ending then return true end
  con:finish(door.ending)
  return false
end

local function serve(self, con, ctx)
  local ok, err = pcall(function()
    if pass_door(self, con, ctx) then serve_requests(self, con) end
  end)
  if not ok and err ~= connection.gone then io.stderr:write("simulator: ", tostring(err), "\n") end
  con:close()
  self.stats.open = self.stats.open - 1
  if con == self.owner then self.stop() end
end

local function accept(self, listener, ctx)
  local sock = listener:accept { nodelay = true }
  if not sock then return cqueues.sleep(RETRY_SECONDS) end
  local stats = self.stats
  stats.accepted, stats.open = stats.accepted + 1, stats.open + 1
  self.loop:wrap(serve, self, connection.new(sock, stats.accepted, ctx ~= nil), ctx)
end

--- Listens on 127.0.0.1; with a TLS context, speaks TLS there. Returns the port; nil and why not.
---@param port integer 0 for any
---@param ctx userdata?
function methods:listen(port, ctx)
  local listener = assert(socket.listen {
    host = "127.0.0.1", port = port, reuseaddr = true,
  })
  local ok, problem = listener:listen()
  if not ok then return nil, problem end
  self.listeners[#self.listeners + 1] = listener
  local _, _, bound = listener:localname()
  self.loop:wrap(function()
    while true do accept(self, listener, ctx) end
  end)
  return bound
end

return server
