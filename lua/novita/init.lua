--- novita: the client for language models in Lua.
---
--- The public names, and no logic: each stands in the file it says. Nothing but Lua tables is made
--- here; the C module is loaded by the first call.

require("novita.loader")

---@class novita
---@field null userdata null inside an array; an object's null member is absent instead
---@field array fun(list?: table): table marks a table as an array, also when it is empty
---@field version string
local novita = {}

local default

-- The client of the plain functions: all defaults, and the environment.
local function client()
  default = default or require("novita.client").new()
  return default
end

--- Makes a client: its options are the defaults of its calls.
---@param options? novita.Options an unknown option raises
---@return novita.Client
function novita.new(options)
  return require("novita.client").new(options)
end

--- Asks a model and returns its answer: the action.
---@param request novita.Request
---@param options? novita.Options over those of the client
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info what is known beside the reply, or the error
function novita.chat(request, options)
  return client():chat(request, options)
end

--- Asks a model and returns its answer as a stream, once its headers are here:
--- `for text in assert(novita.stream(request)):text() do io.write(text) end`
---@param request novita.Request
---@param options? novita.Options
---@return novita.Stream? stream nil on failure
---@return novita.Error? err
function novita.stream(request, options)
  return client():stream(request, options)
end

--- Starts a chat and returns at once; what comes of it is told to handlers. In Neovim they run
--- where its API may be used; in a script, while it waits for something, or in novita.run().
---@param request novita.Request
---@param handlers novita.Handlers
---@param options? novita.Options
---@return novita.Handle
function novita.start(request, handlers, options)
  return client():start(request, handlers, options)
end

--- Makes many calls at once, and gives their results in the order of the items.
---@param items any[]
---@param what novita.Request|fun(item: any, index: integer): any, any called in a task for each
---@param options? novita.Options concurrency, on_error, on_progress, and those of a call
---@return any[] results false where an item failed
---@return novita.Summary summary with errors[index]
function novita.map(items, what, options)
  return client():map(items, what, options)
end

--- Starts a task: straight-line code in which every call of novita lets the other tasks go on.
---@param fn fun(): any ...
---@return novita.Task
function novita.spawn(fn)
  return require("novita.loop").here().spawn(fn)
end

--- Runs until all tasks have ended; raises the first error of one that nobody waited for.
function novita.run()
  return require("novita.loop").here().run()
end

--- Compiles a template: `{{mustache}}` for prompts. Calling the result with a table renders it.
---@param source string
---@param options? novita.template.Options
---@return novita.Template? template
---@return novita.template.Failure? err
function novita.template(source, options)
  return require("novita.template").compile(source, options)
end

--- Fills a request: a deep copy with every string rendered as a template; a string that is exactly
--- one variable keeps the type of its value.
---@param request table
---@param vars table
---@param options? novita.template.Options
---@return table? filled
---@return novita.template.Failure? err
function novita.fill(request, vars, options)
  return require("novita.template").fill(request, vars, options)
end

--- Makes a function that calls another one until it succeeds, as often and as late as the policy
--- says. To fail is to return nil and an error.
---@param fn fun(...): any, any
---@param policy? "default"|"aggressive"|"none"|table
---@return fun(...): any, any
function novita.retry(fn, policy)
  return require("novita.call").retry(fn, policy)
end

--- Makes a limiter: requests a minute, tokens a minute, calls at once. Give it as `limit` to
--- clients or calls; all that share it keep it together. See also novita.limit.shared.
---@overload fun(options: novita.LimitOptions): novita.Limiter
novita.limit = setmetatable({}, {
  __call = function(_, options) return require("novita.call").limit(options) end,
})

--- Makes a limiter that all workers of nginx share: counts stand in a lua_shared_dict, and those of
--- the same `key` are one.
---@param dict string the name that nginx.conf gives to the lua_shared_dict
---@param options novita.SharedLimitOptions
---@return novita.Limiter
function novita.limit.shared(dict, options)
  return require("novita.call").shared_limit(dict, options)
end

--- Lists the models that the server offers.
---@param options? novita.Options
---@return novita.Model[]? models nil on failure
---@return novita.Info|novita.Error info
function novita.models(options)
  return client():models(options)
end

local from_core = { array = true, null = true, version = true }

return setmetatable(novita, {
  __index = function(self, name)
    if not from_core[name] then return nil end
    local value = require("novita.core")[name]
    rawset(self, name, value)
    return value
  end,
})
