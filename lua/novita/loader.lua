--- Finds the C module, novita.core: on package.cpath, or next to these files, where `make` puts
--- it (an editor's plugin folder is on no cpath). One that can't be loaded gets a clear sentence.

local NAME = "novita.core"

local here = debug.getinfo(1, "S").source:match("^@(.*)loader%.lua$") or "./"

local function readable(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function candidates()
  local list = {}
  for template in (package.cpath .. ";" .. here .. "core.so"):gmatch("[^;]+") do
    local path = template:gsub("%?", (NAME:gsub("%.", "/")))
    if readable(path) then list[#list + 1] = path end
  end
  return list
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

-- The first that this Lua can load; another's, which may stand before it, does no harm.
local function load_core()
  local reason
  for _, path in ipairs(candidates()) do
    local open, err = package.loadlib(path, "luaopen_novita_core")
    if open then return open(NAME) end
    reason = reason or explain(path, err)
  end
  error(reason or "novita: the C module is not built; build it with: make LUA=" .. make_lua, 0)
end

package.preload[NAME] = package.preload[NAME] or load_core
