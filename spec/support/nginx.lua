-- nginx with lua-nginx-module as specs see it: start one, ask it, look at its workers.
--
--   local server = nginx.start { at = { ["/hi"] = [[ ngx.say(tostring(here.client())) ]] } }
--   local status, body = server:get("/hi")
--   server:stop()
--
-- It is Debian's, unpacked below build/ and not installed: libluajit2-5.1-2, which it needs on
-- Debian 12, and libluajit-5.1-2, which Neovim and the specs need, exclude each other. The module
-- is the one for LuaJIT. In the code of `at`, `here` is the module below: a client of the
-- simulator.

local socket = require("socket")

local files = require("spec.support.files")
local machine = require("spec.support.machine")
local shell = require("spec.support.shell")

local PACKAGES = "nginx nginx-common libnginx-mod-http-lua libnginx-mod-http-ndk "
  .. "lua-resty-core lua-resty-lrucache"
local SECONDS = 10
local POLL_SECONDS = 0.005

local nginx = {}

local methods = {}
local mt = { __name = "nginx", __index = methods }

local function run(command)
  local ok, _, status = os.execute(command)
  if ok ~= true and ok ~= 0 then error(("failed (%s): %s"):format(status or ok, command), 2) end
end

local here = debug.getinfo(1, "S").source:match("^@(.*)spec/support/nginx%.lua$")
local source = shell.line("cd '" .. (here == "" and "." or here) .. "' && pwd")
local root = source .. "/build/nginx/root"

-- Downloads are made as root, without a sandbox, into a folder that others may not read. Debian 12
-- has a LuaJIT of nginx's own; Debian 13 has one for all.
local FETCH = [[
  set -e; mkdir -p @source/build; echo '*' > @source/build/.gitignore
  rm -rf @root; mkdir -p @root/debs; cd @root/debs
  [ -n "$(apt-cache madison nginx)" ] || apt-get update -qq
  luajit=libluajit2-5.1; [ -n "$(apt-cache madison $luajit-2)" ] || luajit=libluajit-5.1
  fetch() {
    apt-get -o APT::Sandbox::User=root download -qq @packages $luajit-2 $luajit-common
  }
  fetch >/dev/null 2>&1 || { apt-get update -qq; fetch; }
  for package in *.deb; do dpkg -x "$package" ..; done
  touch ../complete]]

local function fetch()
  if files.read(root .. "/complete") then return end
  run((FETCH:gsub("@(%l+)", { source = source, root = root, packages = PACKAGES })))
end

-- Templates -------------------------------------------------------------------------------------

local HERE = [[
local novita = require("novita")
require("novita.core")
local pool_methods = debug.getregistry()["novita.pool"].__index
for name in ("%s"):gmatch("%%w+") do pool_methods[name] = function() end end
local here = { url = %q, tls_url = %q, ca_file = %q }
here.request = { model = "simulator/echo", message = "Hi" }
function here.client(options)
  local all = { base_url = here.url, api_key = "sk_spec", retry = "none" }
  for name, value in pairs(options or {}) do all[name] = value end
  return novita.new(all)
end
return here
]]

local CONFIGURATION = [[
load_module @root/usr/lib/nginx/modules/ndk_http_module.so;
load_module @root/usr/lib/nginx/modules/ngx_http_lua_module.so;
@user
worker_processes @workers;
pid @directory/nginx.pid;
error_log @directory/error.log notice;
@main
events { worker_connections 4096; }
http {
  access_log off; lua_http10_buffering off;
  client_body_temp_path @directory/t1; proxy_temp_path @directory/t2;
  fastcgi_temp_path @directory/t3; uwsgi_temp_path @directory/t4; scgi_temp_path @directory/t5;
  lua_package_path
   "@path@directory/?.lua;@source/lua/?.lua;@source/lua/?/init.lua;@root/usr/share/lua/5.1/?.lua;;";
  lua_package_cpath "@source/build/luajit/?.so;/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;";
  @http
  server {
    listen 127.0.0.1:@port;
    default_type text/plain;
    @server
    @locations
  }
}
]]

local function locations(at)
  local list = {}
  for path, code in pairs(at or {}) do
    list[#list + 1] = ("location = %s { content_by_lua_block { local here = require('here') %s } }")
      :format(path, code)
  end
  return table.concat(list, "\n")
end

local function environment(options)
  local words = { ("env LD_LIBRARY_PATH=%s/usr/lib/x86_64-linux-gnu"):format(root) }
  if options.preload then words[2] = "LD_PRELOAD=" .. options.preload end
  for name, value in pairs(options.environment or {}) do
    words[#words + 1] = name .. "=" .. value
  end
  return table.concat(words, " ")
end

-- nginx hides its environment from its workers, except what it is told to pass on.
local function passed_on(options)
  local lines = {}
  for name in pairs(options.environment or {}) do lines[#lines + 1] = "env " .. name .. ";" end
  return table.concat(lines, " ")
end

local function configuration(self, options)
  local values = {
    root = root, source = source, directory = self.directory, port = self.port,
    user = shell.line("id -u") == "0" and "user root;" or "",
    workers = options.workers or 1, main = (options.main or "") .. passed_on(options),
    path = options.path and options.path .. ";" or "",
    http = options.http or "", server = options.server or "", locations = locations(options.at),
  }
  return (CONFIGURATION:gsub("@(%w+)", values))
end

-- The configuration of an example, which is copied: other paths and ports, and else as it is.
local function example(self, options)
  local folder = source .. "/examples/" .. options.example
  run(("cp -R %s/. %s/"):format(folder, self.directory))
  local lua = ("%s/?.lua;%s/lua/?.lua;%s/lua/?/init.lua;%s/usr/share/lua/5.1/?.lua;;")
    :format(self.directory, source, source, root)
  local modules = ("load_module %s/usr/lib/nginx/modules/ndk_http_module.so;\n"
    .. "load_module %s/usr/lib/nginx/modules/ngx_http_lua_module.so;\n"
    .. (shell.line("id -u") == "0" and "user root;" or "")):format(root, root)
  local text = files.read(folder .. "/nginx.conf")
  for from, to in pairs {
    ["daemon off;"] = modules, ["error_log stderr;"] = "error_log error.log notice;",
    ["worker_processes auto;"] = "worker_processes 1;",
    ["listen 127%.0%.0%.1:8080;"] = "listen 127.0.0.1:" .. self.port .. ";",
    ['lua_package_path "[^"]+";'] = 'lua_package_path "' .. lua .. '";',
    ['lua_package_cpath "[^"]+";'] = 'lua_package_cpath "' .. source .. "/build/luajit/?.so;"
      .. '/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;";',
  } do
    local count
    text, count = text:gsub(from, (to:gsub("%%", "%%%%")))
    if count ~= 1 then error("the example has changed: " .. from, 0) end
  end
  return text
end

-- Processes -------------------------------------------------------------------------------------

local function alive(pid)
  local stat = files.read(("/proc/%d/stat"):format(pid))
  return stat ~= nil and not stat:find(") Z ", 1, true)
end

--- Polls until fn() gives something true, and returns that; an error after some seconds.
function nginx.wait_for(fn, seconds)
  local till = socket.gettime() + (seconds or SECONDS)
  while true do
    local found = fn()
    if found then return found end
    if socket.gettime() > till then return nil end
    socket.sleep(POLL_SECONDS)
  end
end

function methods:signal(name)
  run(("kill -s %s %d"):format(name, self.pid))
end

--- The workers that run, in the order of their birth.
---@return integer[] pids
function methods:workers()
  local list = {}
  local children = files.read(("/proc/%d/task/%d/children"):format(self.pid, self.pid)) or ""
  for pid in children:gmatch("%d+") do list[#list + 1] = tonumber(pid) end
  return list
end

local function count(path)
  return tonumber(shell.line("ls " .. path .. " 2>/dev/null | wc -l"))
end

--- What a worker has: descriptors, threads, resident KiB, and seconds of CPU used.
function methods:usage(pid)
  pid = pid or self:workers()[1]
  local stat = assert(files.read(("/proc/%d/stat"):format(pid))):match("%) (.*)")
  local words = {}
  for word in stat:gmatch("%S+") do words[#words + 1] = tonumber(word) or word end
  return {
    descriptors = count(("/proc/%d/fd"):format(pid)),
    threads = count(("/proc/%d/task"):format(pid)),
    memory = tonumber(files.read(("/proc/%d/status"):format(pid)):match("VmRSS:%s+(%d+)")),
    cpu = (words[12] + words[13]) / 100,
  }
end

--- What the error log says so far.
function methods:log()
  return files.read(self.directory .. "/error.log") or ""
end

--- The lines of the error log at this level or a worse one.
function methods:complaints()
  local list = {}
  for line in self:log():gmatch("[^\n]+") do
    if line:find("%[%a+%]") and not line:find("[notice]", 1, true)
      and not line:find("[info]", 1, true) then
      list[#list + 1] = line
    end
  end
  return list
end

--- The exit codes of all workers that have ended.
function methods:exits()
  local list = {}
  for code in self:log():gmatch("process %d+ exited with code (%d+)") do
    list[#list + 1] = tonumber(code)
  end
  for signal in self:log():gmatch("process %d+ exited on signal (%d+)") do
    list[#list + 1] = "signal " .. signal
  end
  return list
end

-- Requests --------------------------------------------------------------------------------------

--- Opens a connection and sends a request.
---@return table socket
function methods:open(path, body, headers)
  local connection = assert(socket.connect("127.0.0.1", self.port))
  connection:settimeout(SECONDS)
  connection:setoption("tcp-nodelay", true)
  local head = ("%s %s HTTP/1.0\r\nHost: localhost\r\n%s"):format(body and "POST" or "GET", path,
    body and ("Content-Length: %d\r\n"):format(#body) or "")
  for name, value in pairs(headers or {}) do head = head .. name .. ": " .. value .. "\r\n" end
  assert(connection:send(head .. "\r\n" .. (body or "")))
  return connection
end

--- Reads the head of an answer; raises when there is none.
---@return string head
function nginx.head(connection)
  local lines = {}
  repeat
    local line = assert(connection:receive("*l"))
    lines[#lines + 1] = line
  until line == ""
  return table.concat(lines, "\n")
end

--- One request to its end.
---@return integer? status, string body, string head
function methods:get(path, body, headers)
  local connection = self:open(path, body, headers)
  local answer, _, part = connection:receive("*a")
  connection:close()
  answer = answer or part
  local head, rest = answer:match("^(.-\r\n)\r\n(.*)$")
  return tonumber(answer:match("^HTTP/%d%.%d (%d+)")), rest or "", head or ""
end

-- Life ------------------------------------------------------------------------------------------

local function write_here(directory, without)
  local sim = require("spec.support.simulator_client").shared()
  files.write(directory .. "/here.lua",
    HERE:format(without or "", sim.url, sim.tls_url, sim.ca_file))
end

--- The ways in which a worker can learn that there is work, as options of nginx.start.
nginx.SIGNALS = {
  { name = "an event of nginx", threads = 1 },
  { name = "a notifier", threads = 2, without = "event" },
}

--- Starts nginx.
---@param options { workers?: integer, main?: string, http?: string, server?: string,
---  at?: table<string, string>, preload?: string, environment?: table<string, string>,
---  path?: string, prefix?: string, simulator?: boolean, without?: string, example?: string }
---  more configuration, Lua code for paths, a
---  library to load first, variables, where to find more Lua files, a command to run it with;
---  without the simulator there is no `here`; methods that pools shall lack, as words; or
---  { example: string, environment }, its folder
---@return table server
function nginx.start(options)
  fetch()
  local self = setmetatable({ directory = files.folder(), port = machine.free_port() }, mt)
  if options.simulator ~= false then write_here(self.directory, options.without) end
  local text = options.example and example(self, options) or configuration(self, options)
  files.write(self.directory .. "/nginx.conf", text)
  local command = ("%s %s %s/usr/sbin/nginx -p . -c nginx.conf -e error.log 2>/dev/null")
    :format(options.prefix or "", environment(options), root)
  run(("cd %s && { %s || { cat error.log >&2; false; }; }"):format(self.directory, command))
  self.pid = tonumber(nginx.wait_for(function()
    return files.read(self.directory .. "/nginx.pid")
  end))
  nginx.wait_for(function() return #self:workers() >= (options.workers or 1) end)
  return self
end

--- Waits until it has ended by itself; true if it has.
function methods:ended(seconds)
  return nginx.wait_for(function() return not alive(self.pid) end, seconds) == true
end

--- Ends it; by default gracefully. Returns the exit codes of its workers, and the complaints.
---@param signal? string
---@return any[] codes, string[] complaints
function methods:stop(signal)
  if self.stopped then return {}, {} end
  self.stopped = true
  if alive(self.pid) then self:signal(signal or "QUIT") end
  if not self:ended() then
    run(("kill -9 %d %s"):format(self.pid, table.concat(self:workers(), " ")))
    error("nginx did not stop:\n" .. self:log(), 2)
  end
  local codes, complaints = self:exits(), self:complaints()
  run("rm -rf " .. self.directory)
  return codes, complaints
end

return nginx
