--- Finds the C module, novita.core: on package.cpath, or next to these files, where `make` puts
--- it (an editor's plugin folder is on no cpath). One that can't be loaded gets a clear sentence.

local NAME = "novita.core"

local here = debug.getinfo(1, "S").source:match("^@(.*)loader%.lua$") or "./"

local function readable(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function find()
  for template in package.cpath:gmatch("[^;]+") do
    local path = template:gsub("%?", (NAME:gsub("%.", "/")))
    if readable(path) then return path end
  end
  local path = here .. "core.so"
  return readable(path) and path or nil
end

-- This Lua, as people call it and as `make LUA=` wants it.
local this_lua = rawget(_G, "jit") and "LuaJIT" or _VERSION
local make_lua = rawget(_G, "jit") and "luajit" or _VERSION:match("%d.%d")

-- The module carries the name of the Lua it was built for, readable without loading it.
local function explain(path, err)
  local file = io.open(path, "rb")
  local built_for = file and file:read("*a"):match("novita%.core built for (Lua [%w%. ]+)")
  if file then file:close() end
  if built_for and not built_for:find(_VERSION, 1, true) then
    return ("novita: %s was built for %s, and this is %s; build it again with: make LUA=%s")
      :format(path, built_for, this_lua, make_lua)
  end
  return ("novita: %s can't be loaded: %s"):format(path, err)
end

local function load_core()
  local path = find()
  if not path then
    error("novita: the C module is not built; build it with: make LUA=" .. make_lua, 0)
  end
  local open, err = package.loadlib(path, "luaopen_novita_core")
  if not open then error(explain(path, err), 0) end
  return open(NAME)
end

package.preload[NAME] = package.preload[NAME] or load_core
