-- What the benchmarks share: options, building, the server, running a contender. For Lua 5.4, which
-- runs the bench commands.
-- luacheck: std lua54

local needs = require "needs"
local socket = require "socket"

local harness = {}

function harness.quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

-- The lines a shell command prints; an error if it fails.
function harness.lines(command)
  local pipe = assert(io.popen(command, "r"))
  local t = {}
  for line in pipe:lines() do
    t[#t + 1] = line
  end
  if not pipe:close() then error("failed: " .. command, 0) end
  return t
end

local quote, lines = harness.quote, harness.lines

-- The repository, and where the programs and the server's certificate are made in it.
local root = lines("cd " .. quote(arg[0]:match("^(.*/)") or "./") .. ".. && pwd")[1]
local out = root .. "/build/bench"

harness.out, harness.root = out, root

-- Ends with one line if one of these programs is missing, which only some benches need.
harness.need = needs.check

local function run(command)
  if not os.execute(command) then error("failed: " .. command, 0) end
end

-- ---------------------------------------------------------------------------------------------
-- Options and building

local usage = [[
usage: %s [--quick] [--rounds N] [--only NAME,...]
  --quick       a short run, for a look
  --rounds N    interleaved rounds; figures are medians over them
  --only NAMES  the contenders whose names start so, beside bare libcurl: %s
]]

local function fail_usage(names)
  io.stderr:write(usage:format(arg[0], table.concat(names, ", ")))
  os.exit(2)
end

local function starts_one_of(prefix, names)
  for _, name in ipairs(names) do
    if name:sub(1, #prefix) == prefix then return true end
  end
  return false
end

-- The command line as a table: quick, rounds, only (a list of prefixes, or nil).
function harness.options(names)
  local options, i = {}, 1
  while arg[i] do
    if arg[i] == "--quick" then
      options.quick = true
    elseif arg[i] == "--rounds" and tonumber(arg[i + 1]) then
      i = i + 1
      options.rounds = tonumber(arg[i])
    elseif arg[i] == "--only" and arg[i + 1] then
      i = i + 1
      options.only = {}
      for prefix in arg[i]:gmatch("[^,]+") do
        if not starts_one_of(prefix, names) then fail_usage(names) end
        table.insert(options.only, prefix)
      end
    else
      fail_usage(names)
    end
    i = i + 1
  end
  return options
end

local libraries = { server = "-lssl -lcrypto", bare = "-lcurl", measure = "", typist = "-lutil" }

-- Compiles bench/NAME.c, unless its result is newer than it and every header.
local function compile(name, result, flags)
  local source = quote(root .. "/bench/" .. name .. ".c")
  result = quote(result)
  run(([[test -e %s && test -z "$(find %s %s/bench/*.h -newer %s)" ||
    %s -std=c11 -O2 -Wall -Wextra %s -o %s %s]]):format(result, source, quote(root), result,
    os.getenv("CC") or "cc", source, result, flags))
end

-- Makes the programs build/bench/NAME.
function harness.build(names)
  run("mkdir -p " .. quote(out))
  for _, name in ipairs(names) do compile(name, out .. "/" .. name, libraries[name]) end
end

-- Makes a module for Lua 5.4 and one for LuaJIT, build/bench/LUA/NAME.so.
function harness.build_module(name)
  for lua, package in pairs { ["5.4"] = "lua5.4", luajit = "luajit" } do
    local folder = out .. "/" .. lua
    run("mkdir -p " .. quote(folder))
    compile(name, folder .. "/" .. name .. ".so",
      ("-fPIC -shared $(pkg-config --cflags %s) -lcurl"):format(package))
  end
end

-- ---------------------------------------------------------------------------------------------
-- Places: which processor the server and the contenders run on. Left to the scheduler, client and
-- server are now on one, now on two, which changes the CPU time of a call by a factor of two.

-- The first two processors this process may use; the same one twice if there is but one.
local function processors()
  local list = lines("grep Cpus_allowed_list /proc/self/status")[1]:match("%S+$")
  local ids = {}
  for first, last in list:gmatch("(%d+)%-?(%d*)") do
    for id = tonumber(first), tonumber(last) or tonumber(first) do
      ids[#ids + 1] = id
    end
  end
  return ids[1], ids[2] or ids[1]
end

local server_cpu, client_cpu = processors()

local function pinned(cpu)
  return ("taskset -c %d"):format(cpu)
end

harness.apart = { title = "on two processors", cpu = client_cpu }
harness.together = { title = "on one processor", cpu = server_cpu }

-- ---------------------------------------------------------------------------------------------
-- The server, and nghttpx in front of it

local CA_BUNDLES = {
  "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
}

-- The system's bundle with the server's certificate: a client pays what it pays in the world.
local function write_ca_file()
  local file = assert(io.open(out .. "/ca.pem", "w"))
  for _, path in ipairs { out .. "/cert.pem", table.unpack(CA_BUNDLES) } do
    local bundle = io.open(path)
    if bundle then
      file:write(bundle:read("a"))
      bundle:close()
      if path ~= out .. "/cert.pem" then break end
    end
  end
  file:close()
end

-- A folder of certificates like the system's, with the server's among them: hashed, and a bundle.
local function write_ca_folder()
  run(([[
    cd %s && rm -rf certs && mkdir certs
    [ ! -d /etc/ssl/certs ] || cp -a /etc/ssl/certs/. certs
    cp cert.pem certs/bench.pem
    ln -s bench.pem certs/$(openssl x509 -hash -noout -in cert.pem).0
    cp --remove-destination ca.pem certs/ca-certificates.crt]]):format(quote(out)))
end

-- What a command on the contenders' processor starts with to see a system that trusts the server:
-- in a mount namespace, Debian's folder of certificates is another one, and no variable names
-- others. Who is not root is root in it only to mount.
function harness.trusting()
  local user, group = lines("id -u")[1], lines("id -g")[1]
  local root_only, again = "", ""
  if user ~= "0" then
    root_only = "--map-root-user"
    again = ("unshare --user --map-user=%s --map-group=%s"):format(user, group)
  end
  return ([[unshare --mount %s sh -c 'mount --bind "$0" /etc/ssl/certs && exec %s "$@"' %s %s]])
    :format(root_only, again, quote(out .. "/certs"),
      "env -u CURL_CA_BUNDLE -u SSL_CERT_FILE -u SSL_CERT_DIR " .. pinned(client_cpu))
end

-- Starts bench/server; it ends when this process ends. The addresses of chat completions by scheme.
function harness.server()
  local fifo = quote(out .. "/address")
  run(("rm -f %s && mkfifo %s"):format(fifo, fifo))
  local input = assert(io.popen(("exec %s %s %s > %s"):format(pinned(server_cpu),
    quote(out .. "/server"), quote(out), fifo), "w"))
  local file = assert(io.open(out .. "/address"))
  local http, https = (file:read("l") or ""):match("^(%S+) (%S+)$")
  file:close()
  assert(http, "bench/server did not start")
  write_ca_file()
  write_ca_folder()
  return {
    http = http .. "/openai/v1/chat/completions",
    https = https .. "/openai/v1/chat/completions",
    input = input,  -- open as long as this table lives
  }
end

-- Starts nghttpx in front of the server, for HTTP/2 over TLS; it ends when this process ends. The
-- address of chat completions.
function harness.nghttpx(server)
  local listener = assert(socket.bind("127.0.0.1", 0))
  local port = select(2, listener:getsockname())
  listener:close()
  local command = table.concat({
    pinned(server_cpu), "nghttpx --conf=/dev/null --workers=1 --no-ocsp",
    "--frontend=127.0.0.1," .. port, "--backend=127.0.0.1," .. server.http:match(":(%d+)/"),
    quote(out .. "/key.pem"), quote(out .. "/cert.pem"),
  }, " ")
  local input = assert(io.popen(("exec 2> %s; ulimit -n $(ulimit -H -n); trap : INT; %s & cat; "
    .. "kill $!; wait"):format(quote(out .. "/nghttpx.log"), command), "w"))
  for _ = 1, 100 do
    local connection = socket.connect("127.0.0.1", port)
    if connection then
      connection:close()
      server.nghttpx = input  -- open as long as the server's table lives
      return ("https://127.0.0.1:%d/openai/v1/chat/completions"):format(port)
    end
    socket.sleep(0.05)
  end
  error("nghttpx did not start (Debian's nghttp2-proxy): see " .. out .. "/nghttpx.log", 0)
end

-- ---------------------------------------------------------------------------------------------
-- Running a contender

-- No proxy, no curlrc, no locale of the user's; as many descriptors as there may be.
local ENVIRONMENT = "env -u http_proxy -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY "
  .. "LC_ALL=C CURL_HOME=" .. quote(out) .. " HOME=" .. quote(out) .. " "

local total_wall, total_queue = 0, 0

-- The part of their time that contenders with a processor to themselves did not get it.
function harness.disturbance()
  return total_wall > 0 and total_queue / total_wall or 0
end

-- A contender ran so long, and waited so much of it for a processor; in us.
function harness.note_disturbance(wall, queue)
  total_wall, total_queue = total_wall + wall, total_queue + queue
end

-- Runs a job of a contender once. The numbers it printed by name, with those of bench/measure.c
-- for the whole process.
function harness.run(contender, place, job, url, ...)
  local ca_file = url:match("^https") and out .. "/ca.pem" or ""
  local command = table.concat({
    "ulimit -n $(ulimit -H -n); exec", pinned(place.cpu), quote(out .. "/measure"), ENVIRONMENT,
    contender.environment or "", contender.command, job, quote(url), quote(ca_file),
    table.concat({ ... }, " "), contender.engine,
  }, " ")
  local figures = {}
  for _, line in ipairs(lines(command)) do
    for name, value in line:gmatch("(%w+) ([%d.-]+)") do
      figures[name] = tonumber(value)
    end
  end
  if place == harness.apart then
    harness.note_disturbance(figures.wholewall, figures.wholequeue)
  end
  return figures
end

-- The user instructions of one of `count` exchanges of a job, as callgrind counts them: what a run
-- with that many takes more than one with none.
function harness.instructions(contender, job, url, warm, count)
  local function collected(n)
    local output = lines(table.concat({
      pinned(client_cpu), ENVIRONMENT, contender.environment,
      "valgrind --tool=callgrind --callgrind-out-file=/dev/null", contender.command, job,
      quote(url), "''", warm, n, "2>&1",
    }, " "))
    return tonumber(table.concat(output, "\n"):match("Collected : (%d+)"))
  end
  return (collected(count) - collected(0)) / count
end

-- Runs a job that prints the cost of one of `count` exchanges. A contender that spawns processes
-- can't tell what they cost: there it is the difference between a run with `count` and one with 1.
function harness.cost(contender, place, job, url, warm, count, ...)
  local figures = harness.run(contender, place, job, url, warm, count, ...)
  if contender.spawns then
    local few = harness.run(contender, place, job, url, warm, 1, ...)
    figures.cpu = (figures.wholecpu - few.wholecpu) / (count - 1)
    figures.wall = (figures.wholewall - few.wholewall) / (count - 1)
  end
  return figures
end

return harness
