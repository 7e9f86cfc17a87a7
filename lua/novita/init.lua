--- novita: the client for language models in Lua.
---
--- The public names, without logic: each function calls the file that it names. Loading this file
--- creates Lua tables only; the first call loads the C module.

require("novita.loader")

local misuse = require("novita.misuse")

---@class novita
---@field null userdata null inside an array; an object's null member is absent instead
---@field json novita.Json encode and decode
---@field version string
local novita = {}

local default

-- novita:chat{} in place of novita.chat{} is an easy mistake.
local function check_point(first, name, owner)
  if rawequal(first, owner or novita) then misuse.point("novita." .. name) end
end

-- Loads all that a call needs, so that a missing file is reported before anything is sent.
local function load_client(part)
  local client = default or require("novita.client").new()
  require("novita.loop").here()
  require(part)
  return client
end

local failure_mt = { __index = {} }

function failure_mt.__index:is(kind) return self.kind == kind end

function failure_mt:__tostring() return self.kind .. ": " .. self.message end

misuse.guard("error", failure_mt)

-- Returns the client of the plain functions, with all defaults and the environment; nil and an
-- error if files of novita can't be loaded. That error is a plain table, since the C module may be
-- missing. Lack of memory is raised.
local function client(part)
  part = part or "novita.stream"
  if default and package.loaded[part] then return default end
  local ok, loaded = pcall(load_client, part)
  if ok then
    default = loaded
    return default
  end
  if loaded == "not enough memory" then error(loaded, 0) end
  return nil, setmetatable({ kind = "config", message = tostring(loaded) }, failure_mt)
end

-- Calls a method of the client of the plain functions.
local function by_client(method, part, first, ...)
  check_point(first, method)
  local this, err = client(part)
  if not this then return nil, err end
  return this[method](this, first, ...)
end

--- Makes a client: its options are the defaults of its calls.
---@param options? novita.Options an unknown option raises
---@return novita.Client
function novita.new(options)
  check_point(options, "new")
  return require("novita.client").new(options)
end

--- Asks a model and returns its answer: the action.
---@param request novita.Request
---@param options? novita.Options over those of the client
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info what is known beside the reply, or the error
function novita.chat(request, options)
  check_point(request, "chat")
  local this, err = client()
  if not this then return nil, err end
  return this:chat(request, options)
end

--- Asks a model and returns its answer as a stream, once its headers have arrived:
--- `for text in assert(novita.stream(request)):text() do io.write(text) end`
---@param request novita.Request
---@param options? novita.Options
---@return novita.Stream? stream nil on failure
---@return novita.Error? err
function novita.stream(request, options)
  return by_client("stream", nil, request, options)
end

--- Starts a chat and returns at once; handlers receive its results. In Neovim they run where its
--- API may be used; in a script while it waits for something, or in novita.run().
---@param request novita.Request
---@param handlers novita.Handlers
---@param options? novita.Options
---@return novita.Handle? handle nil where novita can't be loaded
---@return novita.Error? err
function novita.start(request, handlers, options)
  return by_client("start", "novita.run.background", request, handlers, options)
end

--- Asks a model, and runs the tools that it calls, until it answers.
---@param request novita.Request whose tools have functions: { name, parameters, call = function }
---@param options? novita.Options
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info with messages and turns
function novita.run_tools(request, options)
  return by_client("run_tools", nil, request, options)
end

--- Makes a conversation: `chat:send("Hello")` sends all messages so far.
---@param setup novita.Request without a message, and options for its calls
---@return novita.Conversation? conversation nil where the C module can't be loaded
---@return novita.Error? err
function novita.conversation(setup)
  return by_client("conversation", nil, setup)
end

--- Makes many calls at once and returns their results in the order of the items.
---@param items any[]
---@param what novita.Request|fun(item: any, index: integer): any, any called in a task for each
---@param options? novita.Options concurrency, on_error, on_progress, and those of a call
---@return any[]? results false where an item failed; nil where novita can't be loaded
---@return novita.Summary|novita.Error summary with errors[index]
function novita.map(items, what, options)
  return by_client("map", "novita.run.map", items, what, options)
end

--- Makes a batch: a call for each row of a file, and the answers in another one. It goes on where
--- it was, whatever has ended it.
---@param setup novita.BatchSetup with options for its calls
---@return novita.Batch? batch nil on failure
---@return novita.Error? err
function novita.batch(setup)
  return by_client("batch", nil, setup)
end

--- Makes a workflow: steps whose results are kept, so that a run which fails pauses and goes on.
---@param name string
---@param what (fun(run: novita.Run, trigger: any): any)|table[] a function or a list of steps
---@param options novita.WorkflowOptions
---@return novita.Workflow? flow nil where the store can't be opened, the steps are wrong, or novita
---  can't be loaded
---@return novita.Error? err
function novita.workflow(name, what, options)
  return by_client("workflow", "novita.workflow", name, what, options)
end

--- Starts a task: straight-line code; while a call in it waits, the other tasks run.
---@param fn fun(): any ...
---@param more? nil there to tell that arguments of fn were given
---@return novita.Task
function novita.spawn(fn, more)
  check_point(fn, "spawn")
  if type(fn) ~= "function" then misuse.expected("spawn", "a function", fn) end
  if more ~= nil then misuse.raise("spawn: takes one function and no arguments") end
  return require("novita.loop").here().spawn(fn)
end

--- Runs until all tasks have ended; raises the first error of a task that was not joined.
---@param first? nil there to tell a colon in place of the point
function novita.run(first)
  check_point(first, "run")
  return require("novita.loop").here().run()
end

--- Compiles a template: `{{mustache}}` for prompts. Calling the result with a table renders it.
---@param source string
---@param options? novita.TemplateOptions
---@return novita.Template? template
---@return novita.TemplateFailure? err
function novita.template(source, options)
  check_point(source, "template")
  return require("novita.template").compile(source, options)
end

--- Fills a request: a deep copy with every string rendered as a template; a string that is exactly
--- one variable keeps the type of its value.
---@param request table
---@param vars table
---@param options? novita.TemplateOptions
---@return table? filled
---@return novita.TemplateFailure? err
function novita.fill(request, vars, options)
  check_point(request, "fill")
  return require("novita.template").fill(request, vars, options)
end

--- Makes a function that calls another one until it succeeds, with the attempts and delays of the
--- policy. A failure is nil and an error.
---@param fn fun(...): any, any
---@param policy? "default"|"aggressive"|"none"|table
---@return fun(...): any, any
function novita.retry(fn, policy)
  check_point(fn, "retry")
  return require("novita.call.factories").retry(fn, policy)
end

--- Makes a limiter of requests a minute, tokens a minute and concurrent calls. Pass it as `limit`
--- to clients or calls: the limits apply to all that share it. See also novita.limit.shared.
---@overload fun(options: novita.LimitOptions): novita.Limiter
novita.limit = setmetatable({}, {
  __call = function(_, options)
    check_point(options, "limit")
    return require("novita.call.factories").limit(options)
  end,
})

--- Makes a limiter that all workers of nginx share: its counts are in a lua_shared_dict, and
--- limiters with the same `key` share them.
---@param dict string the name that nginx.conf gives to the lua_shared_dict
---@param options novita.SharedLimitOptions
---@return novita.Limiter
function novita.limit.shared(dict, options)
  if rawequal(dict, novita.limit) then misuse.point("novita.limit.shared") end
  return require("novita.call.factories").shared_limit(dict, options)
end

--- Opens a store: the database that batches, workflows and shared limits keep things in. Tables
--- that it lacks are made.
---@param address string|table "labels.db", "sqlite:labels.db", "postgresql://user@host/database",
---  or a connection to PostgreSQL: an object with query(sql, ...), such as pgmoon's
---@param options? novita.StoreOptions
---@return novita.Store? store nil on failure
---@return novita.Error? err of kind store; config for an address that can't be right, or where the
---  module of the database is missing
function novita.store(address, options)
  check_point(address, "store")
  local this, err = client("novita.store")
  if not this then return nil, err end
  local stores = require("novita.store")
  stores.queue = require("novita.workflow.queue")
  stores.records = require("novita.workflow.records")
  return stores.open(address, options)
end

--- Sends a request to any endpoint:
--- `novita.request { path = "/embeddings", body = { model = m, input = "text" } }`.
---@param request novita.AnyRequest
---@param options? novita.Options
---@return table|string|novita.Stream|nil answer JSON as a table, else its text; the path of
---  `save_to`; a stream; nil on failure
---@return novita.Info|novita.Error info
function novita.request(request, options)
  return by_client("request", nil, request, options)
end

--- Lists the models that the server offers.
---@param options? novita.Options
---@return novita.Model[]? models nil on failure
---@return novita.Info|novita.Error info
function novita.models(options)
  return by_client("models", nil, options)
end

--- Makes a content part of a picture, for `message` and the `content` of messages:
--- `message = { "What is this?", assert(novita.image("photo.jpg")) }`.
---@param what string a path, the bytes of a picture, or an http(s): or data: URL
---@param options? { detail: "low"|"high"|"auto"|nil, max_bytes: integer? } max_bytes: 10 MiB
---@return table? part nil where it can't be read, is no picture or too large
---@return novita.Error? err
function novita.image(what, options)
  check_point(what, "image")
  local this, err = client()
  if not this then return nil, err end
  return require("novita.image").part(what, options)
end

--- Marks a table as a JSON array, also when it is empty.
---@generic T: table
---@param list? T default: a new one
---@return T
function novita.array(list)
  check_point(list, "array")
  if list ~= nil and type(list) ~= "table" then misuse.expected("array", "a table", list) end
  return require("novita.core").array(list)
end

require("novita.api").add_functions(novita, client, check_point)

local from_core = { null = true, version = true }

return setmetatable(novita, {
  __index = function(self, name)
    if name ~= "json" and not from_core[name] then return nil end
    local value = name == "json" and require("novita.json") or require("novita.core")[name]
    rawset(self, name, value)
    return value
  end,
})
