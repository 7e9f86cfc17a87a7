--- Who knows whom: the includes of C, the calls between the objects that were built (nm finds a
--- call through any declaration), and `require` among the Lua files. Each goes to the same folder
--- or to a lower one, and never round in a circle of files.

local tree = require("spec.style.tree")

-- The folders of src: which others each may know. A folder has one header that others include, its
-- map; headers beside it are its own.
local MAY_KNOW = {
  bytes = {}, http = { "bytes" }, nginx = { "bytes", "http" }, lua = { "bytes", "http", "nginx" },
  sql = { "bytes" },
}
local MAPS = {
  bytes = "src/bytes/bytes.h", http = "src/http/http.h", nginx = "src/nginx/nginx.h",
  lua = "src/lua/binding.h", sql = "src/sql/sql.h",
}
local COMPAT = "src/lua/compat.h" -- what differs between the versions of Lua
-- System headers that are not for all.
local OWNED = {
  ["^curl/"] = { http = true }, ["^lua"] = { lua = true }, ["^lauxlib"] = { lua = true },
  ["^sqlite3"] = { sql = true }, ["^libpq"] = { sql = true },
}

-- The folders of lua/novita, from the lowest to the highest. Files beside them stand where their
-- own requires put them.
local LUA_FOLDERS = {
  "template", "limit", "loop", "stream", "call", "api", "run", "store", "batch", "workflow", "cli",
}

local LUA_RANKS = {}
for rank, name in ipairs(LUA_FOLDERS) do LUA_RANKS[name] = rank end

local function may_know(folder, other)
  if folder == other then return true end
  for _, name in ipairs(MAY_KNOW[folder]) do
    if name == other then return true end
  end
  return false
end

local function folder_of(path) return path:match("^src/([^/]+)/") end

local function resolve(from, include)
  local folder = from:match("^(.*)/")
  while include:sub(1, 3) == "../" do
    folder, include = folder:match("^(.*)/") or "", include:sub(4)
  end
  return folder .. "/" .. include
end

-- What is wrong with an include of a file in `folder`, or nil.
local function include_problem(path, folder, target, system)
  if system then
    for pattern, folders in pairs(OWNED) do
      if target:find(pattern) and not folders[folder] then return "is not for this folder" end
    end
    return nil
  end
  local header = resolve(path, target)
  local of = folder_of(header)
  if header == COMPAT then
    return path ~= MAPS.lua and path ~= MAPS.sql and "is for the maps of lua and sql" or nil
  end
  if of == folder then return nil end
  if header ~= MAPS[of] then return "is the map of no folder" end
  if not may_know(folder, of) then return "is not below src/" .. folder end
  return nil
end

local function check_includes(root, problems)
  for _, path in ipairs(tree.files(root, "src", "%.[ch]$")) do
    local folder = folder_of(path)
    if not MAY_KNOW[folder] then
      problems[#problems + 1] = path .. ": its folder has no place among the layers"
    else
      for quote, target in tree.read(root, path):gmatch('#include ([<"])([^>"]+)') do
        local problem = include_problem(path, folder, target, quote == "<")
        if problem then
          problems[#problems + 1] = ("%s: includes %s, which %s"):format(path, target, problem)
        end
      end
    end
  end
end

-- object -> object -> names of functions, from what the objects define and lack.
local function calls(objects)
  local defined, lacking, graph = {}, {}, {}
  for _, path in ipairs(objects) do
    lacking[path], graph[path] = {}, {}
    for _, line in ipairs(tree.output("nm '" .. path .. "'")) do
      local kind, name = line:match("(%a) ([%w_]+)$")
      if kind == "U" then lacking[path][name] = true end
      if kind and kind:find("[TDRBC]") then defined[name] = path end
    end
  end
  for path, names in pairs(lacking) do
    for name in pairs(names) do
      local target = defined[name]
      if target and target ~= path then
        graph[path][target] = (graph[path][target] or "") .. " " .. name
      end
    end
  end
  return graph
end

local function report_circles(graph, problems, what)
  for _, circle in ipairs(tree.circles(graph)) do
    local ties, set = {}, {}
    for _, member in ipairs(circle) do set[member] = true end
    for _, member in ipairs(circle) do
      for target, why in pairs(graph[member]) do
        if set[target] then ties[#ties + 1] = ("\n  %s -> %s:%s"):format(member, target, why) end
      end
    end
    table.sort(ties)
    problems[#problems + 1] = what .. " in a circle:" .. table.concat(ties)
  end
end

local function check_calls(root, build, problems)
  local objects = {}
  for _, path in ipairs(tree.files(root, build, "%.o$")) do
    local folder, name = path:match("([^/]+)/([^/]+)%.o$")
    local source = io.open(("%s/src/%s/%s.c"):format(root, folder, name))
    if source then -- not left from a source that has gone
      source:close()
      objects[#objects + 1] = root .. "/" .. path
    end
  end
  if #objects == 0 then problems[#problems + 1] = build .. ": build the module first" end
  local graph, named = calls(objects), {}
  for path, targets in pairs(graph) do
    local short = path:match("([^/]+/[^/]+)%.o$")
    named[short] = {}
    for target, why in pairs(targets) do
      local to = target:match("([^/]+/[^/]+)%.o$")
      named[short][to] = why
      if not may_know(short:match("^[^/]+"), to:match("^[^/]+")) then
        problems[#problems + 1] = ("src/%s.c: calls src/%s.c, which is not below it:%s")
          :format(short, to, why)
      end
    end
  end
  report_circles(named, problems, "C files call each other")
end

local function lua_path(root, module)
  local path = "lua/" .. module:gsub("%.", "/")
  for _, candidate in ipairs { path .. ".lua", path .. "/init.lua" } do
    local file = io.open(root .. "/" .. candidate)
    if file then
      file:close()
      return candidate
    end
  end
  return nil -- the C module
end

local function lua_requires(root)
  local graph = {}
  for _, path in ipairs(tree.files(root, "lua", "%.lua$")) do
    if not path:find("/meta/") then
      graph[path] = {}
      for module in tree.read(root, path):gsub("%-%-[^\n]*", "")
        :gmatch("require%s*%(?%s*[\"'](novita[%w_.]*)[\"']") do
        local target = lua_path(root, module)
        if target and target ~= path then graph[path][target] = " " .. module end
      end
    end
  end
  return graph
end

local function check_requires(root, problems)
  local graph = lua_requires(root)
  report_circles(graph, problems, "Lua files require each other")
  local units = {} -- folders, and the files beside them
  local function unit_of(path) return path:match("^lua/novita/([^/]+)/") or path end
  for path, targets in pairs(graph) do
    local unit = unit_of(path)
    units[unit] = units[unit] or {}
    if not unit:find("/") and not LUA_RANKS[unit] then
      problems[#problems + 1] = path .. ": its folder has no place among those of lua/novita"
    end
    for target, module in pairs(targets) do
      local to = unit_of(target)
      if to ~= unit then units[unit][to] = (units[unit][to] or "") .. " " .. path .. module end
      if LUA_RANKS[unit] and LUA_RANKS[to] and LUA_RANKS[to] > LUA_RANKS[unit] then
        problems[#problems + 1] = ("%s: requires%s, which is above it"):format(path, module)
      end
    end
  end
  report_circles(units, problems, "folders require each other")
end

--- Returns what is wrong, a line each.
---@param root string
---@param build? string where the objects are, from root
---@return string[]
return function(root, build)
  local problems = {}
  check_includes(root, problems)
  check_calls(root, build or "build/5.4", problems)
  check_requires(root, problems)
  return problems
end
