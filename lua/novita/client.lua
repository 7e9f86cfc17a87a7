--- A client: options, and the calls that inherit them.
---
--- A call's options go before its client's, and those before the defaults, which live in the C
--- module. The options are kept out of the client's own table, so that printing or dumping a client
--- shows no key.

local call = require("novita.call")
local options_of = require("novita.options")
local retry = require("novita.retry")

---@class novita.Options
---@field api_key? string|false|fun(): string default: NOVITA_API_KEY; false sends none; a function
---  is asked again for each attempt
---@field base_url? string default: NOVITA_BASE_URL, or https://api.novita.ai/openai/v1
---@field connect_timeout? number|false seconds for name look-up, TCP and TLS; 10
---@field first_byte_timeout? number|false seconds from request to headers; 600
---@field idle_timeout? number|false seconds between two bytes of the body; 120
---@field attempt_timeout? number|false seconds for an attempt, of a stream for its headers; none
---@field deadline? number|false seconds for the whole call; none
---@field max_response_bytes? integer of a plain answer; 64 MiB
---@field max_header_bytes? integer of all header lines; 256 KiB
---@field headers? table<string, string|false> more headers, or false to leave one of ours out
---@field user_agent? string
---@field proxy? string default: the environment's; "" for none
---@field ca_file? string certificates to trust in place of the system's, a PEM file
---@field max_event_bytes? integer of one event of a stream; none
---@field loop? table how to wait; chosen by where the code runs
---@field vars? table fills the templates in the request: {{trigger.name}}
---@field retry? "default"|"aggressive"|"none"|table see novita.retry; a table is laid over
---  the client's
---@field limit? novita.Limiter|novita.LimitOptions see novita.limit
---@field log? fun(level: "info"|"warn"|"error", event: table) told of attempts, waits and failures
---  (event.event), never of keys, bodies and queries; what it raises goes through to the caller
---@field on_text? fun(text: string): boolean? streams the answer: called with each piece of text;
---  false means: enough
---@field on_chunk? fun(chunk: table): boolean? the same with each chunk
---@field concurrency? integer of map: calls at once; 8
---@field on_error? "continue"|"stop" of map: what a failure does to the others; "continue"
---@field on_progress? fun(done: integer, total: integer, summary: novita.Summary) of map

local known = {
  api_key = "wire", base_url = "wire", connect_timeout = "wire", first_byte_timeout = "wire",
  idle_timeout = "wire", attempt_timeout = "wire", deadline = "wire", max_response_bytes = "wire",
  max_event_bytes = "wire", max_header_bytes = "wire", headers = "wire", user_agent = "wire",
  proxy = "wire", ca_file = "wire",
  loop = "policy", on_text = "policy", on_chunk = "policy", vars = "policy", retry = "policy",
  limit = "policy", log = "policy",
  concurrency = "policy", on_error = "policy", on_progress = "policy",
}

local callable, a_table = options_of.callable, options_of.table

-- What those that steer may be, beside false; the C module checks the others, and limit and retry
-- check theirs.
local rules = {
  loop = a_table, vars = a_table, log = callable, on_text = callable, on_chunk = callable,
  on_progress = callable, concurrency = options_of.integer(1),
  on_error = options_of.one_of { continue = true, stop = true },
}

local settings_of = setmetatable({}, { __mode = "k" })

---@class novita.Client
local methods = {}
local mt = { __name = "novita.client", __index = methods }

-- A password or a query has no place in a base_url; a call will say so, but this must not show it.
function mt.__tostring(self)
  local url = tostring(settings_of[self].wire.base_url or "default base_url")
  return ("novita.client (%s)"):format((url:gsub("//[^/]*@", "//"):gsub("[?#].*", "")))
end

---@class novita.Settings
---@field wire table options for the C module
---@field policy table options that steer the call
---@field retry novita.RetryPolicy
---@field shared table what the calls of a client share: its limiter after the first 429, and
---  before that the calls under way

-- A table of limits becomes a limiter, shared by all that inherit it.
local function made_limiter(given, loop)
  if not given or getmetatable(given) then return given end
  return call.limit(given, loop or nil)
end

-- The headers of both, in a new table; a name that was given stands for the same in any case.
local function join_headers(inherited, given)
  if type(given) ~= "table" then return given end
  local joined, names = {}, {}
  for name, value in pairs(given) do
    joined[name], names[tostring(name):lower()] = value, true
  end
  for name, value in pairs(type(inherited) == "table" and inherited or {}) do
    if not names[tostring(name):lower()] then joined[name] = value end
  end
  return joined
end

-- A table of a policy lies over the one inherited, unless it starts from a preset.
local function join_retry(inherited, given)
  if type(given) ~= "table" or given.preset then return retry.policy(given) end
  local joined = {}
  for name, value in pairs(inherited) do joined[name] = value end
  for name, value in pairs(given) do joined[name] = value end
  return retry.policy(joined)
end

-- Sorts options into what goes to the wire and what steers the call, over those inherited.
local function inherit(parent, options)
  if options == nil then return parent end
  if type(options) ~= "table" then
    error(("options: table expected, got %s"):format(type(options)), 3)
  end
  local settings = { wire = {}, policy = {}, retry = parent.retry, shared = parent.shared }
  for _, part in ipairs { "wire", "policy" } do
    for name, value in pairs(parent[part]) do settings[part][name] = value end
  end
  for name, value in pairs(options) do
    local part = known[name]
    if not part then error(("unknown option '%s'"):format(tostring(name)), 3) end
    local problem = value and rules[name] and options_of.problem(value, rules[name])
    if problem then error(name .. ": " .. problem, 3) end
    settings[part][name] = value
  end
  settings.wire.headers = join_headers(parent.wire.headers, settings.wire.headers)
  if options.retry ~= nil then settings.retry = join_retry(parent.retry, options.retry) end
  settings.policy.limit = made_limiter(settings.policy.limit, settings.policy.loop)
  return settings
end

-- A point in place of the colon is an easy mistake.
local function checked_client(self, method)
  if settings_of[self] then return settings_of[self] end
  error(("use client:%s(...), with a colon"):format(method), 3)
end

local function checked_request(request)
  if type(request) ~= "table" then
    error(("request: table expected, got %s"):format(type(request)), 3)
  end
  return request
end

local handler_names = { on_headers = true, on_text = true, on_chunk = true, on_done = true }

local function checked_handlers(handlers)
  if type(handlers) ~= "table" then
    error(("handlers: table expected, got %s"):format(type(handlers)), 3)
  end
  for name, fn in pairs(handlers) do
    if not handler_names[name] then error(("unknown handler '%s'"):format(tostring(name)), 3) end
    if type(fn) ~= "function" then
      error(("%s: function expected, got %s"):format(name, type(fn)), 3)
    end
  end
  return handlers
end

--- Asks a model and returns its answer.
---@param request novita.Request
---@param options? novita.Options over those of the client
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info
function methods:chat(request, options)
  local settings = checked_client(self, "chat")
  return call.chat(checked_request(request), inherit(settings, options))
end

--- Asks a model and returns its answer as a stream, once its headers are here.
---@param request novita.Request
---@param options? novita.Options
---@return novita.Stream? stream nil on failure
---@return novita.Error? err
function methods:stream(request, options)
  local settings = checked_client(self, "stream")
  return call.stream(checked_request(request), inherit(settings, options))
end

--- Starts a chat and returns at once; what comes of it is told to handlers.
---@param request novita.Request
---@param handlers novita.Handlers
---@param options? novita.Options
---@return novita.Handle
function methods:start(request, handlers, options)
  return call.start(checked_request(request), checked_handlers(handlers),
    inherit(settings_of[self], options))
end

--- Makes many calls at once. A function is called with each item, in a task: any call in it lets
--- the others go on. In place of a function, a request.
---@param items any[]
---@param what novita.Request|fun(item: any, index: integer): any, any
---@param options? novita.Options concurrency, on_error, on_progress, and those of a call
---@return any[] results in the order of the items, false where one failed
---@return novita.Summary summary with errors[index]
function methods:map(items, what, options)
  local settings = checked_client(self, "map")
  if type(items) ~= "table" then
    error(("items: table expected, got %s"):format(type(items)), 2)
  end
  if type(what) ~= "table" and type(what) ~= "function" then
    error(("map: request or function expected, got %s"):format(type(what)), 2)
  end
  return call.map(items, what, inherit(settings, options))
end

--- Lists the models that the server offers.
---@param options? novita.Options
---@return novita.Model[]? models nil on failure
---@return novita.Info|novita.Error info
function methods:models(options)
  local settings = checked_client(self, "models")
  return call.models(inherit(settings, options))
end

local client = {}

--- Makes a client.
---@param options? novita.Options
---@return novita.Client
function client.new(options)
  local self = setmetatable({}, mt)
  local defaults = { wire = {}, policy = {}, retry = retry.policy(nil) }
  defaults.shared = { calls = setmetatable({}, { __mode = "k" }) }
  settings_of[self] = inherit(defaults, options or {})
  return self
end

return client
