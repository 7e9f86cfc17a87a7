--- Validates options and merges them into the settings of a call.
---
--- Options of a call override those of its client, which override the defaults in the C module.

local attempt = require("novita.call.attempt")
local factories = require("novita.call.factories")
local call_options = require("novita.call.options")
local each = require("novita.compat").each
local request_fields = require("novita.call.request_fields")
local misuse = require("novita.misuse")
local rule = require("novita.rule")
local retry = require("novita.retry")
local secrets = require("novita.call.secrets")
local tables = require("novita.tables")

local settings = {}

local known, rules = call_options.known, call_options.rules

---@class novita.Settings
---@field wire table options for the C module
---@field policy table options that steer the call
---@field retry novita.RetryPolicy
---@field secrets? string[] the names in wire of values that are read at each attempt
---@field plain boolean see attempt.is_plain
---@field shared table what the calls of a client share: their loop, the limiter after the first
---  429, and before that the calls in flight

local a_limiter = rule.with("a limiter or a table of options", "acquire", "rest")

-- Makes a limiter of a table of limits; all calls that inherit it share it.
local function made_limiter(given, loop)
  if not given then return given end
  if getmetatable(given) then
    local problem = rule.problem(given, a_limiter)
    if problem then misuse.raise("limit: " .. problem) end
    return given
  end
  return factories.limit(given, loop or nil)
end

-- Merges the headers of both into a new table; names are compared without case.
local function join_headers(inherited, given)
  if type(given) ~= "table" then return given end
  local joined, names = {}, {}
  for name, value in each(given) do
    joined[name], names[tostring(name):lower()] = value, true
  end
  for name, value in each(type(inherited) == "table" and inherited or {}) do
    if not names[tostring(name):lower()] then joined[name] = value end
  end
  return joined
end

-- Merges the names of both into a new table.
local function join(inherited, given)
  if type(inherited) ~= "table" or type(given) ~= "table" then return given end
  return tables.merged(inherited, given)
end

-- Merges a policy table with the inherited one, unless it names a preset.
local function join_retry(inherited, given)
  if given == false then given = "none" end
  if type(given) ~= "table" or given.preset then return retry.policy(given) end
  return retry.policy(join(inherited, given))
end

-- Validates the value of an option of the Lua layer; the C module validates its own.
local function check_option(name, value)
  if not known[name] and request_fields.is_one(name) then
    misuse.raise(("options.%s: unknown option; did you mean defaults = { %s = ... }?")
      :format(name, name))
  end
  if not known[name] then misuse.unknown("options", name, known) end
  local problem = value and rules[name] and rule.problem(value, rules[name])
  if problem then misuse.raise(("options.%s: %s"):format(name, problem)) end
end

--- Splits options into those of the transport and those of the Lua layer, and merges both with the
--- inherited ones.
---@param parent novita.Settings
---@param options? novita.Options
---@return novita.Settings
function settings.inherit(parent, options)
  if options == nil then return parent end
  if type(options) ~= "table" then -- the value may be a key: not shown
    misuse.raise("options: expected a table, got a " .. type(options))
  end
  local own = { wire = {}, policy = {}, retry = parent.retry, shared = parent.shared }
  for _, part in ipairs { "wire", "policy" } do
    for name, value in each(parent[part]) do own[part][name] = value end
  end
  for name, value in each(options) do
    check_option(name, value)
    own[known[name]][name] = value
  end
  own.wire.headers = join_headers(parent.wire.headers, own.wire.headers)
  own.wire.query = options.query and join(parent.wire.query or {}, options.query)
    or options.query == nil and parent.wire.query or nil
  if options.defaults then
    own.policy.defaults = join(parent.policy.defaults or {}, options.defaults)
  end
  own.secrets = secrets.names(own.wire)
  if options.retry ~= nil then own.retry = join_retry(parent.retry, options.retry) end
  if options.nginx_wakeup and rawget(_G, "ngx") then
    require("novita.loop.ngx").wake_by(options.nginx_wakeup)
  end
  own.policy.limit = made_limiter(own.policy.limit, own.policy.loop)
  own.plain = attempt.is_plain(own)
  return own
end

--- Returns the same settings with other values in their policy.
---@param parent novita.Settings
---@param changes table
---@return novita.Settings
function settings.with_policy(parent, changes)
  return setmetatable({ policy = tables.merged(parent.policy, changes) }, { __index = parent })
end

--- Adds a function to settings that is asked before each attempt: an error that it returns is that
--- of the attempt, of which nothing is sent.
---@param parent novita.Settings
---@param precondition fun(): novita.Error?
---@return novita.Settings
function settings.guarded(parent, precondition)
  local own = settings.with_policy(parent, { precondition = precondition })
  own.plain = false
  return own
end

--- Returns the settings of a client without options.
---@return novita.Settings
function settings.defaults()
  return {
    wire = {}, policy = {}, retry = retry.policy(nil),
    shared = { calls = setmetatable({}, { __mode = "v" }) },
  }
end

return settings
