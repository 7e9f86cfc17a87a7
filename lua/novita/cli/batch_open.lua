--- Opens the batch of a command line: one that it describes, one whose command line its store has
--- kept, or what a store knows of one.

local account = require("novita.cli.account")
local core = require("novita.core")
local description = require("novita.cli.description")
local error_hint = require("novita.error_hint")

local batch_open = {}

---@class novita.cli.BatchOptions
---@field public? boolean no call needs a key
---@field on_progress? fun(status: novita.BatchProgress)

-- Makes a batch of its table.
local function make(setup, options)
  local client, err = account.client(nil, options.public)
  if not client then return nil, err end
  setup.on_progress = options.on_progress
  local ok, batch, problem = pcall(client.batch, client, setup) -- raises on a wrong field
  if not ok then return nil, core.error { kind = "config", message = account.misuse(batch) } end
  return batch, problem
end

--- The arguments that describe a batch: those given, or where they name a store those of the
--- command line that it has kept.
---@param arguments table with the options of a batch, or with a store and no others
---@return table? described
---@return novita.Error? err
function batch_open.described(arguments)
  if not description.is_store(arguments.batch) then
    if arguments.option then return arguments end
    return nil, error_hint.config_error("STORE", arguments.batch .. " is the address of none: name "
      .. "the database of the batch, such as out.db")
  end
  local words, err = description.kept(arguments)
  if not words then return nil, err end
  local kept = require("novita.cli.parser").parse(require("novita.cli").commands(), words)
  if not kept then
    return nil, error_hint.config_error("batch", "the command line in its store is that of another "
      .. "novita")
  end
  kept.store = arguments.batch -- the same; the words lack a password
  return kept
end

--- Opens the batch that arguments describe, and has its store keep their command line.
---@param described table
---@param options novita.cli.BatchOptions
---@return novita.Batch? batch
---@return novita.Error? err
function batch_open.batch(described, options)
  local setup, err = description.setup(described)
  if not setup then return nil, err end
  local batch
  batch, err = make(setup, options)
  if not batch then return nil, err end
  local kept
  kept, err = description.keep(batch, described.words)
  if kept then return batch end
  batch.store:close()
  return nil, err
end

-- Opens the batch of a table whose store is open.
local function make_of_store(setup, options)
  local batch, err = make(setup, options)
  if not batch then setup.store:close() end
  return batch, err
end

--- Opens the batch of a store by what that knows: without its input and its request.
---@param arguments table
---@param options novita.cli.BatchOptions
---@return novita.Batch? batch
---@return novita.Error? err
function batch_open.stored(arguments, options)
  local setup, err = description.of_store(arguments)
  if not setup then return nil, err end
  return make_of_store(setup, options)
end

--- Opens a batch that another process has begun, to make its calls too.
---@param arguments table
---@param options novita.cli.BatchOptions
---@return novita.Batch? batch
---@return novita.Error? err
function batch_open.shared(arguments, options)
  local setup, err = description.of_server(arguments)
  if not setup then return nil, err end
  return make_of_store(setup, options)
end

return batch_open
