--- The files of flows that `novita run` takes: a Lua file that returns one, or a JSON file with a
--- list of steps; and the store that their runs are kept in.

local account = require("novita.cli.account")
local each = require("novita.compat").each
local error_hint = require("novita.error_hint")
local files = require("novita.cli.files")
local home = require("novita.cli.home")
local meta = require("novita.store.meta")
local misuse = require("novita.misuse")
local stores = require("novita.store")
local tables = require("novita.tables")

local flow_file = {}

---@class novita.cli.FlowFile
---@field name string of the workflow: the field of the file, or else the file's name
---@field flow function|table
---@field options table of the workflow
---@field path string

local function wrong(path, problem)
  return nil, error_hint.config_error(path, problem)
end

-- Reads the value of a file: a function, a list of steps, or a table with one as `flow`, a name and
-- options.
local function describe(path, value)
  local name = path:match("([^/]+)%.%a+$") or path
  if type(value) == "function" or type(value) == "table" and value[1] ~= nil then
    return { name = name, flow = value, options = {}, path = path }
  end
  if type(value) ~= "table" or value.flow == nil then
    return wrong(path, "expected a function, a list of steps, or a table with the field flow")
  end
  local options = {}
  for key, option in each(value) do
    if key ~= "flow" and key ~= "name" then options[key] = option end
  end
  return { name = value.name or name, flow = value.flow, options = options, path = path }
end

--- Reads the file of a flow.
---@param path string
---@return novita.cli.FlowFile? file
---@return novita.Error? err
function flow_file.read(path)
  local value, err = files.load(path)
  if err then return nil, err end
  local ok, file, problem = files.call(function() return describe(path, value) end)
  if not ok then return wrong(path, file) end
  return file, problem
end

--- Opens the store of runs: that of the command line, of the file, or of the user.
---@param address? string
---@param file? novita.cli.FlowFile
---@return novita.Store? store
---@return novita.Error? err
function flow_file.store(address, file)
  local given = address or file and file.options.store
  stores.records = require("novita.workflow.records") -- for store:runs and store:run
  if given then
    local ok, store, err = pcall(stores.of, given)
    if ok then return store, err end
    return wrong(file and file.path or "--store", account.misuse(store))
  end
  local path, err = home.store_path("runs.db")
  if not path then return nil, err end
  return stores.open(path)
end

--- Makes the workflow of a file. Its calls have the user's key, server and model.
---@param file novita.cli.FlowFile
---@param store novita.Store
---@param more table options of the workflow
---@param public? boolean nothing is sent, so that no key is needed
---@return novita.Workflow? flow
---@return novita.Error? err
function flow_file.workflow(file, store, more, public)
  local client, err = account.client(nil, public)
  if not client then return nil, err end
  local options = tables.merged(file.options, more, { store = store })
  local defaults = options.defaults or {}
  if type(defaults) ~= "table" then
    return wrong(file.path, "defaults: expected a table, got " .. misuse.shown(defaults))
  end
  options.defaults = tables.merged({ model = account.model() }, defaults)
  local ok, flow, problem = pcall(client.workflow, client, file.name, file.flow, options)
  if not ok then return wrong(file.path, account.misuse(flow)) end -- a wrong option
  return flow, problem
end

-- Where a store keeps the path of a flow's file.
local function key_of(name) return "file of the flow " .. name end

--- Keeps the path of a flow's file, so that a retry need not name it.
---@param store novita.Store
---@param file novita.cli.FlowFile
---@return boolean? done
---@return novita.Error? err
function flow_file.remember(store, file)
  local path = file.path
  if path:sub(1, 1) ~= "/" then path = home.folder() .. "/" .. path end
  return meta.write(store, key_of(file.name), path)
end

--- Reads the file of the flow that a run is of.
---@param store novita.Store
---@param name string of the workflow
---@param path? string in place of what is kept
---@return novita.cli.FlowFile? file
---@return novita.Error? err
function flow_file.of_run(store, name, path)
  if not path then
    local err
    path, err = meta.read(store, key_of(name))
    if path == nil then return nil, err end
  end
  if not path then
    return wrong("--file", ('the file of the workflow "%s" is not known'):format(name))
  end
  return flow_file.read(path)
end

return flow_file
