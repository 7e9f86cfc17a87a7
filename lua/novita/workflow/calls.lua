--- The calls of the API that steps make: by what input each is known again, and how it is made.

local api = require("novita.api")
local any_request = require("novita.call.request")
local call = require("novita.call")
local compat = require("novita.compat")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local frozen = require("novita.workflow.frozen")
local inherit = require("novita.call.settings").inherit
local misuse = require("novita.misuse")
local prepared = require("novita.call.prepared")
local step = require("novita.workflow.step")
local tables = require("novita.tables")
local tools = require("novita.run.tools")
local toolset = require("novita.run.toolset")
local with_policy = require("novita.call.settings").with_policy

local each = compat.each

local calls = {}

---@class novita.workflow.Call
---@field input string JSON: the request, complete and filled in
---@field send fun(settings: novita.Settings): any, any makes it
---@field read? fun(value: any): any makes what the flow sees of the answer

-- Makes a call of one kind ready: returns it, or nil and an error. A request that can't be used at
-- all raises.
local prepare = {}

local function read_reply(value) return core.reply(value) end

local function checked(given)
  if type(given) ~= "table" then misuse.expected("request", "a table", given) end
  return given
end

function prepare.chat(given, settings)
  local body, err = prepared.chat(checked(given), settings)
  if not body then return nil, err end
  local streams = settings.policy.on_text or settings.policy.on_chunk
  return {
    input = body, read = read_reply,
    send = function(own)
      if not streams then return prepared.send(body, own) end
      return call.chat(assert(core.decode(body)),
        with_policy(own, { defaults = false, vars = false }))
    end,
  }
end

function prepare.tools(given, settings, run)
  local whole = call.complete(checked(given), settings.policy)
  local wire = tables.merged(whole, { tools = toolset.new(whole.tools).wire })
  local body, err = prepared.chat(wire, settings)
  if not body then return nil, err end
  return {
    input = body, read = read_reply,
    send = function(own) return tools.run(run.new_client(own), given, own) end,
  }
end

-- Returns headers by whose values they are known, and which can be kept: one may be a key.
local function hashed(headers)
  local copy = {}
  for name, value in each(headers) do copy[name] = core.sha256(tostring(value)) end
  return copy
end

-- Returns the same table without the functions in it, which make no other request, and keys.
local function keepable(given)
  local copy = {}
  for name, value in each(given) do
    if type(value) ~= "function" then copy[name] = value end
  end
  if type(copy.headers) == "table" then copy.headers = hashed(copy.headers) end
  return copy
end

-- The request, filled in if there are variables, and its JSON.
local function filled(given, settings)
  local whole = given
  if settings.policy.vars then
    local err
    whole, err = require("novita.template").fill(given, settings.policy.vars)
    if not whole then return nil, error_hint.config_error(err.field or "request", err.message) end
  end
  if whole.stream then
    return nil, error_hint.config_error("stream", "a step brings a whole answer")
  end
  local input, err = frozen.write(keepable(whole))
  return input and whole, input or err
end

function prepare.request(given, settings)
  local whole, input = filled(any_request.checked(given), settings)
  if not whole then return nil, input end
  return {
    input = input,
    send = function(own)
      local more = { headers = whole.headers, query = whole.query }
      return any_request.send(whole, inherit(own, more))
    end,
  }
end

for _, name in ipairs(api.calls) do
  prepare[name] = function(given, settings)
    local whole, input = filled(checked(given), settings)
    if not whole then return nil, input end
    return {
      input = input,
      send = function(own) return require("novita.api." .. name)(whole, own) end,
    }
  end
end

function prepare.models(given, settings)
  if given ~= nil then misuse.expected("models", "nothing but options", given) end
  return {
    input = "{}",
    send = function(own) return require("novita.api.models")(nil, own or settings) end,
  }
end

--- The kinds of calls, as keys.
---@type table<string, function>
calls.kinds = prepare

--- Makes a call as a step.
---@param run table
---@param kind string one of calls.kinds
---@param given table name, and perhaps version, item and on_error
---@param request any
---@param settings novita.Settings
---@return any result
---@return novita.Error? err
function calls.perform(run, kind, given, request, settings)
  local planned = run.foresee and run.foresee(run, given, kind, request)
  if planned then return planned end
  local ok, ready, err = compat.pcall(prepare[kind], request, settings, run)
  if not ok then ready, err = nil, ready end
  if not ready then return step.refuse(run, given, err) end
  given.kind, given.input, given.read = kind, ready.input, ready.read
  if settings.policy.parse then given.version = (given.version or 1) .. " parse" end
  return step.perform(run, given, function(this)
    return ready.send(setmetatable({ retry = step.noted(this, settings.retry) },
      { __index = settings }))
  end)
end

return calls
