--- The batch that a command line describes: a file with its description, or the file of its rows
--- and options, or a store in which the command line of an earlier run is kept.

local account = require("novita.cli.account")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local files = require("novita.cli.files")
local home = require("novita.cli.home")
local meta = require("novita.store.meta")
local next = require("novita.compat").next
local prompt = require("novita.cli.prompt")
local stored = require("novita.store.stored")
local stores = require("novita.store")
local tables = require("novita.tables")

local description = {}

--- Is this the address of a store on a server, which several machines may share?
---@param word any
---@return boolean
function description.is_server(word)
  return type(word) == "string" and word:find("^postgres%l*://") ~= nil
end

-- Returns the kind of an argument: "lua" or "json" for a description, "store", or "rows".
local function kind_of(word)
  local ending = files.ending(word)
  if description.is_server(word) or word:find("^sqlite:") or ending == "db" then return "store" end
  return (ending == "lua" or ending == "json") and ending or "rows"
end

-- Reads a description.
local function read(path)
  local value, err = files.load(path)
  if err then return nil, err end
  if type(value) == "table" then return value end
  return nil, error_hint.config_error(path, "expected the table of a batch")
end

-- Lays members over those of a table of the setup, which may be missing.
local function lay_over(setup, name, members)
  if next(members) == nil then return end
  setup[name] = tables.merged(type(setup[name]) == "table" and setup[name] or {}, members)
end

-- The options that have the name of their field.
local FIELDS = { "output", "name", "endpoint", "id", "format", "concurrency", "max_failures",
  "lease" }

local function apply_options(setup, arguments)
  for _, name in ipairs(FIELDS) do
    if arguments[name] ~= nil then setup[name] = arguments[name] end
  end
  if arguments.hold then setup.in_doubt = "hold" end
  if arguments.keep_failures then setup.keep_failures = true end
  if arguments.schema then setup.parse = true end
  if arguments.store then setup.store = arguments.store end
  if arguments.no_prompts then
    local address = setup.store or require("novita.batch").default_store(setup)
    setup.store = { address, prompts = false }
  end
  lay_over(setup, "budget", { usd = arguments.budget, tokens = arguments.budget_tokens })
  lay_over(setup, "limit", { rpm = arguments.rpm, tpm = arguments.tpm })
end

-- Has all processes of a batch on a server share its limit.
local function share_limit(setup)
  local limit = setup.limit
  if type(setup.store) ~= "table" or setup.store.kind ~= "postgres" then return end
  if type(limit) ~= "table" or getmetatable(limit) then return end -- none, or a limiter
  limit.store = setup.store
  limit.key = limit.key or "batch " .. (setup.name or setup.input:match("[^/]*$"))
end

-- The request of each row: that of the description, and over it what options say.
local function apply_request(setup, arguments)
  local fields, err = prompt.fields(arguments)
  if not fields then return nil, err end
  local given = type(setup.request) == "table" and setup.request or {}
  fields.model = account.model(arguments.model or given.model) -- rows may name one themselves
  fields.message = arguments.prompt
  if arguments.template then
    if arguments.prompt then
      return nil, error_hint.config_error("--prompt", "is in place of -t: name one of them")
    end
    fields.message, err = files.read(arguments.template)
    if not fields.message then return nil, err end
  end
  local values
  values, err = prompt.pairs("-p", arguments.variable)
  if not values then return nil, err end
  lay_over(setup, "request", fields)
  lay_over(setup, "vars", values)
  return setup
end

--- The table of the batch that a command line describes.
---@param arguments table of `novita batch run`
---@return novita.BatchSetup? setup
---@return novita.Error? err
function description.setup(arguments)
  local kind, setup, err = kind_of(arguments.batch), { input = arguments.batch }, nil
  if kind ~= "rows" then setup, err = read(arguments.batch) end
  if not setup then return nil, err end
  local ok, whole, problem = files.call(function()
    apply_options(setup, arguments)
    return apply_request(setup, arguments)
  end)
  if not ok then return nil, error_hint.config_error(arguments.batch, whole) end
  setup, err = whole, problem
  if setup and description.is_server(setup.store) then
    setup.store, err = stores.open(setup.store)
    if not setup.store then return nil, err end
    share_limit(setup)
  end
  return setup, err
end

-- Stores ----------------------------------------------------------------------------------------

--- Is this the address of a store?
---@param word string
---@return boolean
function description.is_store(word)
  return kind_of(word) == "store"
end

--- Keeps the command line of a batch in its store, for `resume`: not while another process runs it,
--- which may be stopped within a commit.
---@param batch novita.Batch
---@param words string[]
---@return true? done nil on failure
---@return novita.Error? err
function description.keep(batch, words)
  if not batch.store.prompts then return true end -- a prompt may be one of the words
  local is_alone = batch.store.kind == "sqlite" -- a server's waits for none
  if is_alone and batch.store:locked("batch " .. batch.name) then return true end
  local kept = {}
  for index, word in ipairs(words) do -- without the password of a server
    kept[index] = word:gsub("(postgres%l*://[^:/@]*):[^@]*@", "%1@")
  end
  return meta.write(batch.store, "command " .. batch.name,
    core.encode { words = kept, folder = home.folder() })
end

-- Opens a store that is there.
local function open_store(address)
  local path = address:match("^sqlite:(.*)$") or not description.is_server(address) and address
  local file, problem = true, nil
  if path then file, problem = io.open(path, "rb") end
  if not file then return nil, error_hint.config_error("store", problem) end
  if path then file:close() end
  return stores.open(address)
end

-- The name and the settings of the batch of a store, the one with this name if there are several.
local function find_batch(store, name)
  local rows, err = store:query("select name, settings from batch order by n")
  if not rows then return nil, err end
  local names, found = {}, nil
  for index, row in ipairs(rows) do
    names[index] = row[1]
    if row[1] == name or not name then found = row end
  end
  if found and (name or #rows == 1) then
    local settings
    settings, err = stored.object(found[2] or "{}", ("batch %s: its settings"):format(found[1]))
    return settings and found[1], settings or err
  end
  return nil, error_hint.config_error("name", #rows == 0 and "the store has no batch"
    or "the batches of the store are " .. table.concat(names, ", ") .. ": choose one by --name")
end

--- The table of a batch of a store, with which it can be looked at and exported.
---@param arguments table with batch, the address of the store
---@return novita.BatchSetup? setup
---@return novita.Error? err
function description.of_store(arguments)
  local store, err = open_store(arguments.batch)
  if not store then return nil, err end
  local name, settings = find_batch(store, arguments.name)
  if not name then
    store:close()
    return nil, settings
  end
  return {
    store = store, name = name, output = arguments.output or settings.output,
    endpoint = settings.endpoint,
  }
end

--- The table of a batch on a server, for one more process that makes its calls.
---@param arguments table of `novita batch run`, with batch, the address of the store
---@return novita.BatchSetup? setup
---@return novita.Error? err
function description.of_server(arguments)
  local setup, err = description.of_store(arguments)
  if not setup then return nil, err end
  setup.output = nil -- is a path of another machine
  apply_options(setup, arguments)
  share_limit(setup)
  return setup
end

--- The command line with which a batch of a store was begun.
---@param arguments table with batch, the address of the store
---@return string[]? words
---@return novita.Error? err
function description.kept(arguments)
  local setup, err = description.of_store(arguments)
  if not setup then return nil, err end
  local value
  value, err = meta.read(setup.store, "command " .. setup.name)
  setup.store:close()
  if value == nil then return nil, err end
  local kept = value and stored.object(value, "the command line")
  if not (kept and type(kept.words) == "table") then
    return nil, error_hint.config_error("batch", "its store does not have its command line: name "
      .. "the file of its rows or of its description")
  end
  if kept.folder == home.folder() then return kept.words end
  return nil, error_hint.config_error("batch", ("it was begun in %s: go there"):format(
    tostring(kept.folder)))
end

return description
