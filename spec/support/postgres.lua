-- A PostgreSQL server for specs: a cluster in a folder of its own, on a socket there.
--
--   local server = postgres.shared()       server.address, or server.url; ends with the specs
--   server:stop() server:resume()          "fast" is the default mode; also "immediate"
--
-- PostgreSQL refuses to run as root, so there it runs as the user that its package makes. It has a
-- folder "small", a file system of 1 MiB, where root could mount one.

local output = require("spec.support.shell").output

local postgres = {}
local methods = {}
local mt = { __name = "postgres", __index = methods }

-- Debian has the programs of each version in a folder of their own.
local PROGRAMS = "PATH=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1):$PATH; cd /; "

local function run(command)
  local said = output(PROGRAMS .. "{ " .. command .. "; } 2>&1 && echo done")
  if not said:find("done\n$") then error("PostgreSQL (package postgresql): " .. said, 3) end
end

-- As the user of the cluster.
local AS_USER = "if [ $(id -u) = 0 ]; then as='runuser -u postgres --'; fi; "

-- The file system that only the server sees goes with it.
local START = AS_USER .. [[
start="$as pg_ctl -D DIR/data -l DIR/log -w -s start"
mount="mount -t tmpfs -o size=1m,uid=$(id -u postgres) none DIR/small"
if [ -z "$as" ]; then $start; else unshare -m sh -c "$mount && exec $start"; fi]]
local STOP = AS_USER .. "$as pg_ctl -D DIR/data -m MODE -w -s stop"

--- Starts the server again.
function methods:resume()
  run((START:gsub("DIR", self.dir)))
end

--- Stops the server: all connections to it are lost.
---@param mode? "fast"|"immediate"
function methods:stop(mode)
  run((STOP:gsub("DIR", self.dir):gsub("MODE", mode or "fast")))
end

local function create()
  local dir = output("mktemp -d /tmp/novita-spec-XXXXXX"):match("%S+")
  run((AS_USER .. [[mkdir DIR/small && { [ -z "$as" ] || chown -R postgres DIR; } &&
    $as initdb -D DIR/data -U spec -A trust -E UTF8 --locale=C -N >/dev/null]]):gsub("DIR", dir))
  local config = assert(io.open(dir .. "/data/postgresql.conf", "a"))
  config:write(("listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\n"):format(dir),
    "shared_buffers = 4MB\nmax_connections = 20\nautovacuum = off\n")
  config:close()
  return dir
end

local server

--- The server of all specs. Call it in setup(): it keeps a descriptor open. When that closes, at
--- the end of this process whatever that is, a shell stops the server and removes its folder.
---@return table server with address and dir
function postgres.shared()
  if server then return server end
  local dir = create()
  server = setmetatable({ dir = dir }, mt)
  server.address = ("host=%s user=spec dbname=postgres"):format(dir)
  server.url = ("postgresql://spec@/postgres?host=%s"):format(dir:gsub("/", "%%2F"))
  local stop = STOP:gsub("DIR", dir):gsub("MODE", "immediate")
  server.keeper = assert(io.popen(("%strap '' HUP INT TERM; read _; %s; rm -rf %s")
    :format(PROGRAMS, stop, dir), "w"))
  server:resume()
  return server
end

return postgres
