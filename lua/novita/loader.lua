--- Finds the C modules, novita.core and those of databases: on package.cpath; next to these files,
--- where `make` puts one for each Lua (the folder of an editor plugin is on no cpath); or at the
--- place of `make install` that belongs to the place of these files. A module that can't be loaded
--- is an error that says why in one sentence.

local each = require("novita.compat").each

-- The name that make gives to the file; the library it needs, and Debian's package of that.
local MODULES = {
  ["novita.core"] = { file = "core", name = "the C module" },
  ["novita.sqlite.core"] = { file = "sqlite", name = "novita.sqlite",
    package = "libsqlite3-dev", rock = "novita-sqlite" },
  ["novita.postgres.core"] = { file = "postgres", name = "novita.postgres",
    package = "libpq-dev", rock = "novita-postgres" },
}

local here = debug.getinfo(1, "S").source:match("^@(.*)loader%.lua$") or "./"

-- Returns the name of this Lua for messages, and the one for `make LUA=`.
local this_lua = rawget(_G, "jit") and "LuaJIT" or _VERSION
local make_lua = rawget(_G, "jit") and "luajit" or _VERSION:match("%d.%d")

local function readable(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- Returns the paths to try, in their order.
local function places(name)
  local list = {}
  local path = name:gsub("%.", "/")
  for template in package.cpath:gmatch("[^;]+") do list[#list + 1] = template:gsub("%?", path) end
  list[#list + 1] = ("%s%s-%s.so"):format(here, MODULES[name].file, make_lua)
  local prefix, version = here:match("^(.*)/share/lua/(%d%.%d)/novita/$")
  if prefix then list[#list + 1] = ("%s/lib/lua/%s/%s.so"):format(prefix, version, path) end
  return list
end

-- Returns the Lua that a file was built for: the file holds its name as text.
local function explain(path, err)
  local file = io.open(path, "rb")
  local built_for = file and file:read("*a"):match("novita[%l.]+ built for (Lua [%w%. ]+)")
  if file then file:close() end
  if built_for and not built_for:find(_VERSION, 1, true) then
    return ("novita: %s was built for %s, and this is %s; build it again with: make LUA=%s")
      :format(path, built_for, this_lua, make_lua)
  end
  return ("novita: %s can't be loaded: %s"):format(path, err)
end

local function explain_absence(name, list)
  local module = MODULES[name]
  local root = here:match("^(.*)lua/novita/$")
  if root and readable(root .. "src/lua/core.c") then
    return ("novita: %s is not built for %s; %srun: make LUA=%s in %s")
      :format(module.name, this_lua, module.package and "install its library (apt-get install "
        .. module.package .. "), then " or "", make_lua, root == "" and "./" or root)
  end
  return ("novita: %s for %s is at none of: %s; %spackage.cpath (LUA_CPATH) must name the folder "
    .. "of lua/%s where it was installed"):format(module.name, this_lua, table.concat(list, ", "),
      module.rock and "install it (luarocks install " .. module.rock .. "); " or "",
      _VERSION:match("%d.%d"))
end

-- Lua 5.1 and LuaJIT mark a module while it is loaded, keep the mark after a failure, and then
-- report a loop in every later require. This removes the marks, so that the next call reports the
-- real reason. A mark is a light userdata, of type number in 64-bit LuaJIT; no module of ours is.
local function forget_failure()
  for name, value in each(package.loaded) do
    local marked = type(value) == "userdata" or type(value) == "number"
    if marked and (name == "novita" or name:find("^novita%.")) then
      package.loaded[name] = nil
    end
  end
end

-- Loads the first file that this Lua can load; skips files built for another Lua.
local function find(name)
  local reason
  local list = places(name)
  for _, path in ipairs(list) do
    if readable(path) then
      local open, err = package.loadlib(path, "luaopen_" .. name:gsub("%.", "_"))
      if open then return open(name) end
      reason = reason or explain(path, err)
    end
  end
  error(reason or explain_absence(name, list), 0)
end

local function load(name)
  local ok, result = pcall(find, name)
  if ok then return result end
  forget_failure()
  error(result, 0)
end

for name in each(MODULES) do
  package.preload[name] = package.preload[name] or function() return load(name) end
end
