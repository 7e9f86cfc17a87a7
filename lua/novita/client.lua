--- A client: options, and the calls that inherit them.
---
--- The options are not in the client's own table, so that printing or dumping a client shows no
--- key.

local api = require("novita.api")
local call = require("novita.call")
local each = require("novita.compat").each
local misuse = require("novita.misuse")
local next = require("novita.compat").next
local settings = require("novita.call.settings")

local inherit, known = settings.inherit, require("novita.call.options").known

local settings_of = setmetatable({}, { __mode = "k" })

---@class novita.Client
local methods = {}
local mt = { __name = "novita.client", __index = methods }

-- A base_url must not hold a password, a query or a key. Calls report that as an error; tostring()
-- must not show it either.
function mt.__tostring(self)
  local url = tostring(settings_of[self].wire.base_url or "default base_url")
  return ("novita.client (%s)"):format((url:gsub("//[^/]*@", "//"):gsub("[?#].*", "")
    :gsub("^sk[_-].*", "a key in place of base_url")))
end

-- Raises on assignment: options assigned later would have no effect.
function mt.__newindex(self, name, value)
  if known[name] then misuse.raise(("client.%s: give options to novita.new"):format(name)) end
  rawset(self, name, value)
end

local function checked_request(request)
  if type(request) ~= "table" then misuse.expected("request", "a table", request) end
  return request
end

local handler_names = { on_headers = true, on_text = true, on_chunk = true, on_done = true }

local function checked_handlers(handlers)
  if type(handlers) ~= "table" then misuse.expected("handlers", "a table", handlers) end
  for name, fn in each(handlers) do
    if known[name] and not handler_names[name] then
      misuse.raise(("handlers.%s: is an option: pass it in the table after the handlers")
        :format(name))
    end
    if not handler_names[name] then misuse.unknown("handlers", name, handler_names, "handler") end
    if type(fn) ~= "function" then misuse.expected("handlers." .. name, "a function", fn) end
  end
  return handlers
end

--- Asks a model and returns its answer as a stream, once its headers have arrived.
---@param request novita.Request
---@param options? novita.Options
---@return novita.Stream? stream nil on failure
---@return novita.Error? err
function methods:stream(request, options)
  local own = inherit(settings_of[self], options)
  local idle = options and (options.on_text and "on_text" or options.on_chunk and "on_chunk")
  if idle then
    misuse.raise(("options.%s: a stream takes no callbacks; chat and start do"):format(idle))
  end
  return call.stream(checked_request(request), own)
end

--- Starts a chat and returns at once; handlers receive its results.
---@param request novita.Request
---@param handlers novita.Handlers
---@param options? novita.Options
---@return novita.Handle
function methods:start(request, handlers, options)
  return require("novita.run.background").chat(checked_request(request),
    checked_handlers(handlers), inherit(settings_of[self], options))
end

--- Makes many calls at once. The function is called with each item in a task; while one waits the
--- others run. A request may be given in place of a function.
---@param items any[]
---@param what novita.Request|fun(item: any, index: integer): any, any
---@param options? novita.Options concurrency, on_error, on_progress, and those of a call
---@return any[] results in the order of the items, false where one failed
---@return novita.Summary summary with errors[index]
function methods:map(items, what, options)
  if type(items) ~= "table" then misuse.expected("items", "a table", items) end
  if #items == 0 and next(items) ~= nil then
    misuse.raise(("items: expected a list, got a table with the key %s"):format(
      misuse.shown(next(items))))
  end
  if type(what) ~= "table" and type(what) ~= "function" then
    misuse.expected("map", "a request or a function", what)
  end
  return require("novita.run.map").over(items, what, inherit(settings_of[self], options))
end

local function settings_for(self, options)
  return inherit(settings_of[self], options)
end

local attach_resources = api.add_resources(settings_for, misuse.guard)

-- Makes a client with these settings.
local function new_client(own)
  local self = setmetatable({}, mt)
  attach_resources(self)
  settings_of[self] = own
  return self
end

-- Makes a client whose calls have these options too; returns it and its settings.
local function derive(parent, options)
  local own = inherit(parent, options)
  return new_client(own), own
end

--- Asks a model and runs the tools that it calls, until it answers.
---@param request novita.Request whose tools have functions: { name, parameters, call = function }
---@param options? novita.Options
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info with messages and turns
function methods:run_tools(request, options)
  local this, own = derive(settings_of[self], options)
  return require("novita.run.tools").run(this, checked_request(request), own)
end

--- Makes a conversation: a request without a message, to which each call adds messages.
---@param setup novita.Request and options for its calls
---@return novita.Conversation
function methods:conversation(setup)
  if type(setup) ~= "table" then misuse.expected("conversation", "a table", setup) end
  for name in each(setup) do
    if known[name] then
      misuse.raise(("conversation.%s is an option: options = { %s = ... }"):format(name, name))
    end
  end
  local own = inherit(settings_of[self], setup.options)
  return require("novita.run.conversation").new(setup, function(options)
    return derive(own, options)
  end)
end

--- Makes a batch: a call for each row of a file, and the answers in another one. It goes on where
--- it was, whatever has ended it.
---@param setup novita.BatchSetup with options for its calls
---@return novita.Batch? batch nil on failure
---@return novita.Error? err
function methods:batch(setup)
  local fields, options = require("novita.batch.setup").read(setup)
  return require("novita.batch").new(fields, inherit(settings_of[self], options))
end

--- Makes a workflow: steps whose results are kept, so that a run which fails pauses and goes on.
---@param name string
---@param what (fun(run: novita.Run, trigger: any): any)|table[] a function or a list of steps
---@param options novita.WorkflowOptions over those of the client
---@return novita.Workflow? flow nil where the store can't be opened or the steps are wrong
---@return novita.Error? err
function methods:workflow(name, what, options)
  return require("novita.workflow").new(name, what, options, settings_of[self], new_client)
end

--- Sends a request to any endpoint.
---@param request novita.AnyRequest
---@param options? novita.Options
---@return table|string|novita.Stream|nil answer JSON as a table, else its text; the path of
---  `save_to`; a stream; nil on failure
---@return novita.Info|novita.Error info
function methods:request(request, options)
  local any = require("novita.call.request")
  request = any.checked(request)
  return any.send(request, inherit(inherit(settings_of[self], options),
    { headers = request.headers, query = request.query }))
end

--- Lists the models that the server offers.
---@param options? novita.Options
---@return novita.Model[]? models nil on failure
---@return novita.Info|novita.Error info
function methods:models(options)
  return require("novita.api.models")(nil, inherit(settings_of[self], options))
end

api.add_calls(methods, settings_for)
misuse.guard("client", mt)

--- Asks a model and returns its answer.
---@param request novita.Request
---@param options? novita.Options over those of the client
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info
function methods:chat(request, options)
  local own = settings_of[self] -- the guard of this method, which is called most
  if not own then misuse.raise("client:chat(): call it with a colon") end
  return call.chat(checked_request(request), inherit(own, options))
end

local client = {}

--- Makes a client.
---@param options? novita.Options
---@return novita.Client
function client.new(options)
  return new_client(inherit(settings.defaults(), options or {}))
end

return client
