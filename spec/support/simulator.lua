-- A small server that speaks Novita's wire protocol on this machine, for specs, demo and benches.
--
--   lua5.4 spec/support/simulator.lua [--port N] [--owner] [--journal N]
--
-- Prints its base URL on the first line. With --owner it ends when the connection of the first
-- control request closes, so that a crashed test run leaves nothing behind. sim.lua drives it and
-- lists what a script can ask for.
-- luacheck: std lua54

local root = arg[0]:match("^(.*)spec/support/simulator%.lua$") or "./"
package.path = root .. "?.lua;" .. package.path

local cqueues = require("cqueues")
local signal = require("cqueues.signal")
local socket = require("cqueues.socket")

local api = require("spec.support.simulator.api")
local connection = require("spec.support.simulator.connection")
local control = require("spec.support.simulator.control")
local http = require("spec.support.simulator.http")
local journal = require("spec.support.simulator.journal")
local plan = require("spec.support.simulator.plan")
local script = require("spec.support.simulator.script")
local send = require("spec.support.simulator.send")

local FLAGS = { owner = true, tls = true }

local function read_options(words)
  local options = { port = "0", journal = "10000" }
  local index = 1
  while words[index] do
    local name = words[index]:match("^%-%-([%w-]+)$")
    if not name then error("unknown argument: " .. words[index], 0) end
    if FLAGS[name] then
      options[name] = true
    else
      index = index + 1
      options[name] = words[index]
    end
    index = index + 1
  end
  return options
end

local options = read_options(arg)
local loop = cqueues.new()
local started = cqueues.monotime()
local sim = { script = script.new(), journal = journal.new(tonumber(options.journal)) }
local accepted, owner = 0, nil

local function now()
  return cqueues.monotime() - started
end

local function stop(status)
  io.stdout:flush()
  os.exit(status or 0, false)
end

local function serve_control(con, request)
  request.body = http.read_body(con, request)
  if options.owner and not owner then owner = con end
  local status, text = control.run(sim, request)
  con:write(string.format("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s",
    status, http.phrase(status), #text, text))
  if sim.stopping then stop() end
  return true
end

local function serve_api(con, request)
  local entry = sim.journal:open(con, request, now())
  con.entry, con.sent = entry, 0
  local step = sim.script:take(request, true)
  if not step then
    request.body = http.read_body(con, request)
    entry.body = request.body
    step = sim.script:take(request)
  end
  local answer = api.answer(request)
  local id = string.format("%032x", entry.number)
  local planned = plan.build(request, answer, step, id)
  entry.status = planned.status
  local more = send.answer(con, planned, entry, now)
  entry.sent, con.entry = con.sent, nil
  return more
end

local function serve_request(con)
  local request = http.read_head(con)
  if not request then
    con:write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return false
  end
  if control.owns(request) then return serve_control(con, request) end
  con.requests = con.requests + 1
  return serve_api(con, request)
end

-- The client left: in the middle of an answer, or between two requests, as it may.
local function note_departure(con)
  local entry = con.entry
  if entry then
    entry.aborted, entry.client_closed, entry.sent = true, now(), con.sent
  end
end

local function serve(con)
  local ok, more
  repeat
    ok, more = pcall(serve_request, con)
  until not (ok and more)
  if not ok then
    if more ~= connection.gone then io.stderr:write(tostring(more), "\n") end
    note_departure(con)
  end
  con:close()
  if con == owner then stop() end
end

local function listen(port)
  local listener = assert(socket.listen {
    host = "127.0.0.1", port = tonumber(port), nodelay = true, reuseaddr = true,
  })
  assert(listener:listen())
  local _, _, bound = listener:localname()
  loop:wrap(function()
    for sock in listener:clients() do
      accepted = accepted + 1
      local con = connection.new(sock, accepted, false)
      loop:wrap(serve, con)
    end
  end)
  return bound
end

local function watch_signals()
  signal.ignore(signal.SIGPIPE)
  signal.block(signal.SIGTERM, signal.SIGINT)
  local signals = signal.listen(signal.SIGTERM, signal.SIGINT)
  loop:wrap(function()
    signals:wait()
    stop()
  end)
end

socket.onerror(function(_, _, why) return why end)
watch_signals()
print(string.format("http://127.0.0.1:%d/openai/v1", listen(options.port)))
io.stdout:flush()
assert(loop:loop())
