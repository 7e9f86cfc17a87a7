-- A small server that speaks Novita's wire protocol on this machine, for specs, demo and benches.
--
--   lua5.4 spec/support/simulator.lua [--port N] [--prefer-port N] [--tls] [--tls-host NAME]
--     [--tls-expired] [--tls-client] [--tls-client-ca FILE] [--tls-h2] [--rpm N] [--tpm N]
--     [--concurrent N] [--clock FACTOR] [--retry-after seconds|ms] [--pace SECONDS] [--journal N]
--     [--owner]
--
-- --prefer-port is that of --port, unless it is taken.
-- Prints its base URL on the first line and, with --tls, "URL CA-FILE" on a second. Any key that
-- begins with sk_ is right, but for sk_wrong and sk_poor. With --owner it ends when the connection
-- of the first control request closes, so that a crashed test run leaves nothing behind. sim.lua
-- drives it and lists what a script can ask for.
-- luacheck: std lua54

local root = arg[0]:match("^(.*)spec/support/simulator%.lua$") or "./"
package.path = root .. "?.lua;" .. package.path

local cqueues = require("cqueues")
local signal = require("cqueues.signal")
local socket = require("cqueues.socket")

local server = require("spec.support.simulator.server")
local tls = require("spec.support.simulator.tls")

local OWNER_SECONDS = 10
local FLAGS = { owner = true, tls = true, tls_expired = true, tls_client = true, tls_h2 = true }
local WITH_VALUE = {
  port = true, prefer_port = true, tls_host = true, tls_client_ca = true, rpm = true, tpm = true,
  concurrent = true, clock = true, retry_after = true, pace = true, journal = true,
}

local function fail(message)
  io.stderr:write("simulator: ", message, "\n")
  os.exit(2)
end

local function read_options(words)
  local options, index = { port = "0", journal = "10000" }, 1
  while words[index] do
    local name = words[index]:match("^%-%-([%w-]+)$")
    name = name and name:gsub("-", "_")
    if FLAGS[name] then
      options[name] = true
    elseif WITH_VALUE[name] and words[index + 1] then
      index = index + 1
      options[name] = words[index]
    else
      fail("what is " .. words[index] .. "?")
    end
    index = index + 1
  end
  return options
end

local options = read_options(arg)
local loop = cqueues.new()
local ca_file

local function stop()
  if ca_file then os.remove(ca_file) end
  os.exit(0, false)
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

local function write_ca(pem)
  ca_file = os.tmpname()
  local file = assert(io.open(ca_file, "w"))
  file:write(pem)
  file:close()
end

-- An owner that never came would leave us here for good.
local function expect_owner(sim)
  loop:wrap(function()
    cqueues.sleep(OWNER_SECONDS)
    if not sim.owner then stop() end
  end)
end

local function base_url(scheme, port)
  return string.format("%s://127.0.0.1:%d/openai/v1", scheme, port)
end

local function listen(sim)
  local preferred = options.prefer_port and sim:listen(tonumber(options.prefer_port))
  return preferred or assert(sim:listen(tonumber(options.port)))
end

local function main()
  local sim = server.new(loop, options, stop)
  watch_signals()
  local lines = { base_url("http", listen(sim)) }
  if options.tls then
    local ctx, pem = tls.new(options)
    write_ca(pem)
    lines[2] = base_url("https", assert(sim:listen(0, ctx))) .. " " .. ca_file
  end
  if options.owner then expect_owner(sim) end
  print(table.concat(lines, "\n"))
  io.stdout:flush()
  assert(loop:loop())
end

socket.onerror(function(_, _, why) return why end)
local ok, err = pcall(main)
if ca_file then os.remove(ca_file) end
if not ok then fail(tostring(err)) end
