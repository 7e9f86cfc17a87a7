-- The public names of novita, found in the code, and those that the pages in doc/ describe.
--
--   reference.code()    { [category] = { [name] = true } }: the objects themselves, asked at run
--                       time, the tables that check options, and the LuaCATS classes
--   reference.pages()   the same of doc/*.md, with the row of each name
--
-- A page describes a name in a table whose first header cell is the category ("option", "method",
-- "error field" ...): the first code span of a row is the name, "client:chat(request)" for one.

local core = require("novita.core")
local sqlite = require("novita.sqlite")

local read = require("spec.support.files").read

local reference = {}

--- The paths that a pattern of the shell matches.
---@param pattern string
---@return string[]
function reference.files(pattern)
  local pipe = assert(io.popen("ls " .. pattern .. " 2>/dev/null"))
  local list = {}
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  return list
end

local files = reference.files

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

local function keys_of(values)
  local set = {}
  for name in pairs(values) do set[name] = true end
  return set
end

-- Objects ----------------------------------------------------------------------------------------

-- The upvalue of this name, of the function or of one that it calls by an upvalue.
local function find_upvalue(fn, wanted, seen)
  seen = seen or {}
  if seen[fn] then return nil end
  seen[fn] = true
  local index = 1
  local name, value = debug.getupvalue(fn, index)
  while name do
    if name == wanted then return value end
    local below = type(value) == "function" and find_upvalue(value, wanted, seen)
    if below then return below end
    index = index + 1
    name, value = debug.getupvalue(fn, index)
  end
  return nil
end

--- The table of this name behind a function; raises where there is none any more.
---@param fn function
---@param name string
---@return table
function reference.table_behind(fn, name)
  return find_upvalue(fn, name) or error("no table '" .. name .. "' behind this function", 2)
end

local behind = reference.table_behind

local function is_callable(value)
  return type(value) == "function" or (getmetatable(value) or {}).__call ~= nil
end

local function add_members(set, prefix, values)
  for name, value in pairs(values) do
    if is_callable(value) then set[prefix .. name] = true end
    if type(value) == "table" then add_members(set, prefix .. name .. ".", value) end
  end
end

-- What require("novita") offers, with what it loads when asked: the fields of its class.
local function novita_functions()
  local novita, set = require("novita"), {}
  for name in pairs(reference.class("novita")) do
    if type(novita[name]) ~= "table" then set["novita." .. name] = true end
  end
  add_members(set, "novita.", novita)
  return set
end

-- An object of each class that is written in Lua.
local function lua_objects()
  local poll = require("novita.loop.poll")
  local store = assert(require("novita").store(":memory:"))
  local no_loop = { spawn = function() return {} end }
  return {
    client = require("novita").new(),
    files = require("novita").new().files,
    batches = require("novita").new().batches,
    conversation = require("novita").new():conversation {},
    stream = require("novita.stream").new({}, {}, {}),
    handle = require("novita.run.background").run({}, no_loop, {}),
    task = poll.spawn(function() end),
    limiter = require("novita").limit {},
    permit = require("novita.limit.permit").new {},
    flow = assert(require("novita").workflow("spec", function() end, { store = store })),
    run = require("novita.workflow.body").new {},
    store = store, lock = assert(store:lock("spec")),
    batch = assert(require("novita").batch { name = "spec", store = store }),
    template = assert(require("novita").template("text")),
  }
end

-- Methods of all classes: those of the C module stand in the registry.
local function methods()
  local set = {}
  local function add(class, index)
    if type(index) ~= "table" then return end
    for name in pairs(index) do set[class .. ":" .. name] = true end
  end
  for class, object in pairs(lua_objects()) do add(class, getmetatable(object).__index) end
  for key, value in pairs(debug.getregistry()) do
    local class = type(key) == "string" and key:match("^novita%.(%l+)$")
    if class and type(value) == "table" then
      add(class == "error" and "err" or class, rawget(value, "__index"))
    end
  end
  add("db", debug.getregistry()["novita.sql.sqlite"].__index) -- and PostgreSQL has the same
  local more = require("novita.reply") -- gives a reply's class its methods
  add("reply", more)
  return set
end

-- LuaCATS ----------------------------------------------------------------------------------------

--- The fields of a class, as its comments in lua/ name them: of all places together.
---@param class string "novita.Options"
---@return table<string, boolean>
function reference.class(class)
  local set, inside = {}, false
  for _, path in ipairs(files("lua/novita/*.lua lua/novita/*/*.lua")) do
    for line in (read(path) .. "\n"):gmatch("([^\n]*)\n") do
      local name = line:match("^%-%-%-@class ([%w_.]+)")
      inside = name == class or inside and not name and line:find("^%-%-") ~= nil
      local field = inside and line:match("^%-%-%-@field ([%w_]+)")
      if field then set[field] = true end
    end
  end
  if not next(set) then error("no class " .. class, 2) end
  return set
end

-- The kinds of errors: the list in the comment of novita.Error.
local function kinds()
  local text = read("lua/novita/meta/types.lua")
    :match("%-%-%-@field kind string (.-)\n%-%-%-@field message")
  return set_of((function()
    local list = {}
    for name in text:gmatch("%l[%l_]+") do list[#list + 1] = name end
    return list
  end)())
end

-- Sources ----------------------------------------------------------------------------------------

local function collect(set, pattern, texts)
  for _, path in ipairs(files(texts)) do
    for name in read(path):gmatch(pattern) do set[name] = true end
  end
  return set
end

local LUA, C = "lua/novita/*.lua lua/novita/*/*.lua", "src/*/*.c"

local function log_fields()
  local set = collect({}, "%f[%w_]fields%.([%l_]+)", "lua/novita/call/attempt.lua")
  local function add(event) for name in event:gmatch("([%l_]+) =") do set[name] = true end end
  for _, path in ipairs(files(LUA)) do
    for event in read(path):gmatch("{%s*event = \"[^}]*") do add(event) end
  end
  return set
end

local function filters()
  local set = keys_of(require("novita.template.filters"))
  set.json = true -- made in template.lua
  return set
end

--- The kinds that the code gives to errors, each by a literal.
---@return table<string, boolean>
function reference.literal_kinds()
  local set = {}
  collect(set, "kind = \"([%l_]+)\"", LUA)
  collect(set, "failure%(\"([%l_]+)\"", LUA)
  collect(set, "failure%(self, \"([%l_]+)\"", LUA)
  collect(set, "nv_error_push%s*%(L, \"([%l_]+)\"", C)
  collect(set, "nv_transfer_blame%s*%([%w_.>%-]+, \"([%l_]+)\"", C)
  collect(set, "nv_transfer_fail%s*%([%w_.>%-]+, \"([%l_]+)\"", C)
  collect(set, "push_sql_error%s*%(L, \"([%l_]+)\"", C)
  collect(set, "{CURLE_[%u_]+, \"([%l_]+)\"", C)
  collect(set, "{%d%d%d, \"([%l_]+)\"}", C)
  set.memory = nil -- raises
  set.sqlite, set.postgres = nil, nil -- kinds of stores
  return set
end

local function store_reasons()
  local set = collect({}, "return \"(%l+)\";", "src/sql/sqlite_error.c")
  collect(set, "{\"[%w]*\", \"(%l+)\"}", "src/sql/postgres_error.c")
  collect(set, "nv_sql_fault%(&f, \"(%l+)\"", "src/sql/lock.c")
  return collect(set, "kind = \"store\", reason = \"(%l+)\"", LUA)
end

--- Every public name in the code.
---@return table<string, table<string, boolean>>
function reference.code()
  local client = require("novita.client")
  local template = require("novita.template")
  local connection = collect({}, "\"connection\",%s*\"([%l_]+)\"", C)
  local code = {
    ["function"] = novita_functions(),
    ["core function"] = {},
    ["driver function"] = {},
    ["store reason"] = store_reasons(),
    ["store option"] = reference.class("novita.StoreOptions"),
    method = methods(),
    option = keys_of(behind(client.new, "known")),
    ["retry option"] = keys_of(behind(require("novita.retry").policy, "RULES")),
    ["retry_if"] = keys_of(require("novita.retry").bad),
    ["limit option"] = keys_of(behind(require("novita.limit").new, "RULES")),
    ["shared limit option"] = keys_of(behind(require("novita.limit.shared_window").new, "RULES")),
    ["submit option"] = keys_of(behind(require("novita.batch.submit").checked, "RULES")),
    ["fetch option"] = keys_of(behind(require("novita.batch.fetch").checked, "RULES")),
    ["batch field"] = keys_of(behind(require("novita.batch.setup").read, "RULES")),
    ["template option"] = keys_of(behind(template.compile, "OPTIONS")),
    handler = keys_of(behind(getmetatable(client.new()).__index.start, "handler_names")),
    filter = filters(),
    kind = kinds(),
    ["connection reason"] = connection,
    ["timeout reason"] = collect({}, "{\"([%l_]+)\", \"[^\"]*%%", "src/lua/error_transfer.c"),
    ["log event"] = collect({}, "event = \"([%l_]+)\"", LUA),
    ["log field"] = log_fields(),
    ["loop function"] = keys_of(require("novita.loop.poll")),
    variable = collect(collect({}, "[^%w_]\"(NOVITA_[%u_]+)\"", "src/*/*.c"),
      "getenv%s*%(\"([%u_]+)\"%)", "lua/novita/*.lua lua/novita/*/*.lua src/*/*.c"),
    feature = keys_of(core.features()),
  }
  for name in pairs(core) do code["core function"]["core." .. name] = true end
  for name in pairs(sqlite) do code["driver function"]["driver." .. name] = true end
  for category, class in pairs(reference.classes) do code[category] = reference.class(class) end
  return code
end

--- The categories that are the fields of a class.
reference.classes = {
  ["request field"] = "novita.Request", ["message field"] = "novita.Message",
  ["reply field"] = "novita.Reply", ["info field"] = "novita.Info", timing = "novita.Timings",
  ["error field"] = "novita.Error", ["attempt field"] = "novita.Attempt",
  ["summary field"] = "novita.Summary", ["model field"] = "novita.Model",
  ["stream field"] = "novita.Stream", ["task field"] = "novita.Task",
  ["failure field"] = "novita.TemplateFailure",
  ["conversation field"] = "novita.Conversation", ["tool field"] = "novita.Tool",
  ["context field"] = "novita.ToolContext", ["turn field"] = "novita.Turn",
  ["call field"] = "novita.ToolCall", ["plan field"] = "novita.BatchPlan",
  ["status field"] = "novita.BatchStatus", ["batch summary field"] = "novita.BatchSummary",
  ["submission field"] = "novita.Submission", ["fetched field"] = "novita.Fetched",
  ["part field"] = "novita.BatchPart",
  ["progress field"] = "novita.BatchProgress",
  ["workflow option"] = "novita.WorkflowOptions", ["start option"] = "novita.StartOptions",
  ["step option"] = "novita.StepOptions", ["step field"] = "novita.StepSpec",
  ["run plan field"] = "novita.Plan", ["planned field"] = "novita.PlannedStep",
  ["verification field"] = "novita.Verification", ["record field"] = "novita.RunRecord",
  ["entry field"] = "novita.LogEntry",
}

-- Pages ------------------------------------------------------------------------------------------

-- The cells of a row of a table; "\|" is a bar.
local function cells_of(line)
  local cells = {}
  local row = line:gsub("\\|", "\1"):match("^|(.*)|%s*$")
  if not row then return nil end
  for cell in (row .. "|"):gmatch("([^|]*)|") do
    cells[#cells + 1] = cell:gsub("\1", "|"):match("^%s*(.-)%s*$")
  end
  return cells
end

-- "novita.chat(request)" is "novita.chat"; a name of options stands alone.
local function name_of(cell)
  local code = cell:match("`([^`]+)`")
  return code and code:match("^[%w_.:]+")
end

---@class spec.Entry
---@field page string
---@field category string
---@field name string
---@field cells table<string, string> by the header of their column

--- The entries of a page.
---@param page string its path
---@return spec.Entry[]
function reference.entries(page)
  local list, header = {}, nil
  local text = read(page):gsub("\n```.-\n```", "\n")
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    local cells = cells_of(line)
    if not cells then
      header = nil
    elseif not header then
      header = cells
    elseif not cells[1]:find("^%-+$") then
      local entry = { page = page, category = header[1], name = name_of(cells[1]), cells = {} }
      for index, title in ipairs(header) do entry.cells[title] = cells[index] or "" end
      list[#list + 1] = entry
    end
  end
  return list
end

return reference
