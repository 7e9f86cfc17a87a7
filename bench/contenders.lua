-- What the benchmarks measure: novita, other clients, bare libcurl. For Lua 5.4.
-- luacheck: std lua54

local harness = require "harness"

local contenders = {}

local root, out, quote = harness.root, harness.out, harness.quote

local function lua_environment(lua)
  local path = root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua;;"
  local build = lua == "luajit" and "luajit" or "5.4"
  local cpath = ("%s/build/%s/?.so;%s/%s/?.so;;"):format(root, build, out, build)
  local version = lua == "luajit" and "" or "_5_4"
  return ("LUA_PATH%s=%s LUA_CPATH%s=%s"):format(version, quote(path), version, quote(cpath))
end

local function lua_contender(lua, client, program)
  return ("%s %s %s"):format(lua, quote(root .. "/bench/" .. (program or "contender.lua")), client)
end

local RUNTIMES = { ["lua5.4"] = "Lua 5.4", luajit = "LuaJIT" }

-- name: for --only; title: for the table; command: what runs it, before the name of the job;
-- environment: its variables; engine: what bare libcurl drives many transfers with, its last
-- argument; program: that runs the client; runtime: the Lua that it runs on.
local all = {
  { name = "bare", title = "bare libcurl, C", command = quote(out .. "/bare") },
  { name = "bare-epoll", title = "bare libcurl, socket_action on epoll", engine = "epoll",
    command = quote(out .. "/bare") },
  { name = "bare-poll", title = "bare libcurl, multi_perform and poll", engine = "poll",
    command = quote(out .. "/bare") },
  { name = "thin-5.4", lua = "lua5.4", client = "thin",
    title = "curl_easy_perform + lua-cjson, Lua 5.4" },
  { name = "thin-luajit", lua = "luajit", client = "thin",
    title = "curl_easy_perform + lua-cjson, LuaJIT" },
  { name = "thin-map-5.4", lua = "lua5.4", client = "thin_map",
    title = "multi_socket_action + lua-cjson, Lua 5.4" },
  { name = "thin-map-luajit", lua = "luajit", client = "thin_map",
    title = "multi_socket_action + lua-cjson, LuaJIT" },
  { name = "novita-5.4", lua = "lua5.4", client = "novita", title = "novita, Lua 5.4" },
  { name = "novita-luajit", lua = "luajit", client = "novita", title = "novita, LuaJIT" },
  { name = "luasocket-5.4", lua = "lua5.4", client = "luasocket",
    title = "LuaSocket + lua-cjson, Lua 5.4" },
  { name = "luasocket-luajit", lua = "luajit", client = "luasocket",
    title = "LuaSocket + lua-cjson, LuaJIT" },
  { name = "luahttp", lua = "luajit", client = "luahttp", title = "lua-http, LuaJIT" },
  { name = "curl", lua = "lua5.4", client = "curl", spawns = true,
    title = "curl spawned, Lua 5.4" },
  { name = "map-5.4", lua = "lua5.4", client = "map", program = "rows.lua",
    title = "novita.map, Lua 5.4" },
  { name = "map-luajit", lua = "luajit", client = "map", program = "rows.lua",
    title = "novita.map, LuaJIT" },
  { name = "batch-5.4", lua = "lua5.4", client = "batch", program = "rows.lua",
    title = "novita.batch, Lua 5.4" },
  { name = "batch-luajit", lua = "luajit", client = "batch", program = "rows.lua",
    title = "novita.batch, LuaJIT" },
  { name = "nvim-idle", editor = "idle", title = "idle" },
  { name = "nvim-novita", editor = "novita", title = "novita" },
  { name = "nvim-curl", editor = "curl", title = "curl spawned" },
}

for _, contender in ipairs(all) do
  contender.runtime = RUNTIMES[contender.lua]
  if contender.lua then
    contender.environment = lua_environment(contender.lua)
    contender.command = lua_contender(contender.lua, contender.client, contender.program)
  end
end

local function wanted(contender, only)
  if not only or contender.name:find("^bare") then return true end
  for _, prefix in ipairs(only) do
    if contender.name:sub(1, #prefix) == prefix then return true end
  end
  return false
end

local function check_novita(contender)
  local probe = ("%s %s -e 'require \"novita\"'"):format(contender.environment, contender.lua)
  if os.execute(probe) then return end
  io.stderr:write(("\n%s: novita does not load in %s: build it first (make LUA=%s), or choose the "
    .. "others with --only.\n"):format(arg[0], contender.lua, contender.lua:gsub("^lua5", "5")))
  os.exit(1)
end

-- The contenders of these names. None is left out unless --only says so.
function contenders.choose(names, only)
  local t = {}
  for _, name in ipairs(names) do
    for _, contender in ipairs(all) do
      if contender.name == name and wanted(contender, only) then
        if contender.client == "novita" or contender.program then check_novita(contender) end
        t[#t + 1] = contender
      end
    end
  end
  return t
end

-- The one of the contenders with this client and on the Lua of another, or nil.
function contenders.peer(list, client, other)
  for _, contender in ipairs(list) do
    if contender.client == client and contender.lua == other.lua then return contender end
  end
  return nil
end

return contenders
