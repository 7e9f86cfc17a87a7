--- One call, from the request to what the caller gets: fill the templates, attempt, retry. Written
--- once, as straight-line code over a loop that knows how to wait here.

local attempt = require("novita.attempt")
local compat = require("novita.compat")
local core = require("novita.core")
local limit = require("novita.limit")
local loops = require("novita.loop")
local retry = require("novita.retry")
require("novita.reply")

local call = {}

local function loop_of(settings)
  return settings.policy.loop or loops.here()
end

local function failure(kind, message, param)
  return core.error { kind = kind, message = message, param = param }
end

--- Makes a limiter.
---@param options novita.LimitOptions
---@param loop? table whose clock it goes by
---@return novita.Limiter
function call.limit(options, loop)
  return limit.new(options, loops.environment(loop or loops.here()))
end

--- Makes a limiter that all workers of nginx share.
---@param dict string
---@param options novita.SharedLimitOptions
---@return novita.Limiter
function call.shared_limit(dict, options)
  return require("novita.shared").new(dict, options, loops.environment(loops.here()))
end

-- Leaves out the list of attempts, which only a call has a place for.
local function results(_, ...)
  return ...
end

--- Wraps a function so that it is tried again.
---@param fn fun(...): any, any
---@param policy? "default"|"aggressive"|"none"|table
---@return fun(...): any, any
function call.retry(fn, policy)
  local whole = retry.policy(policy)
  return function(...)
    local arguments, n = { ... }, select("#", ...)
    return results(retry.run(function()
      return fn(compat.unpack(arguments, 1, n))
    end, whole, loops.environment(loops.here())))
  end
end

local function is_time(seconds)
  return type(seconds) == "number" and seconds > 0
end

-- What retry and limit need of the loop, with the deadline of this call.
local function environment_of(loop, settings)
  local general, seconds = loops.environment(loop), settings.wire.deadline
  if not is_time(seconds) then return general end -- the C module will refuse what it is
  return setmetatable({ deadline = loop.now() + seconds }, { __index = general })
end

-- Requests and templates ------------------------------------------------------------------------

-- The request with its variables filled in, if there are any.
local function fill(request, vars)
  if not vars then return request end
  local filled, err = require("novita.template").fill(request, vars)
  if filled then return filled end
  return nil, failure("config", err.message, err.field)
end

-- The same request, as a stream.
local function streamed(request)
  local copy = {}
  for name, value in pairs(request) do copy[name] = value end
  copy.stream = true
  return copy
end

-- Calls -----------------------------------------------------------------------------------------

local function conclude(this, attempts, value, info, ...)
  if value and this.await ~= attempt.headers then
    info.attempts = attempts
  elseif value then
    value.attempts, value.info.attempts = attempts, attempts
  elseif this.log then
    attempt.log(this, "error", { event = "failure", attempts = #attempts }, nil, info)
  end
  return value, info, ...
end

-- Waits are logged; and of a stream nothing is known yet that retry_if could look at.
local function policy_of(this)
  local policy, log = this.settings.retry, this.log
  local blind = policy.retry_if and this.await == attempt.headers
  if not (log or blind) then return policy end
  local own = setmetatable({}, { __index = policy })
  if blind then own.retry_if = false end
  function own.before(number, err, delay)
    if log then log("info", { event = "wait", attempt = number, delay = delay }) end
    if policy.before then policy.before(number, err, delay) end
  end
  return own
end

-- Attempts until one succeeds or there is no more to hope for.
local function perform(settings, method, request, await)
  local loop = loop_of(settings)
  local this = {
    settings = settings, method = method, request = request, await = await,
    loop = loop, env = environment_of(loop, settings), log = settings.policy.log,
  }
  return conclude(this, retry.run(function(number)
    return attempt.make(this, number)
  end, policy_of(this), this.env))
end

--- Starts a streamed chat and waits for its headers.
---@param request novita.Request
---@param settings novita.Settings
---@return novita.Stream?, novita.Error?
function call.stream(request, settings)
  local filled, err = fill(request, settings.policy.vars)
  if not filled then return nil, err end
  local stream
  stream, err = perform(settings, "chat", streamed(filled), attempt.headers)
  if not stream then return nil, err end
  return stream
end

-- Calls the user's function; false from it means: enough. What it raises stops the stream and goes
-- on to the caller.
local function enough(stream, fn, value)
  if not fn or value == nil then return false end
  local ok, result = compat.pcall(fn, value)
  if ok then return result == false end
  stream:cancel()
  error(result, 0)
end

-- A stream under the hood, with the results of a plain call.
local function chat_aloud(request, settings)
  local stream, err = call.stream(request, settings)
  if not stream then return nil, err end
  local text_of = require("novita.stream").text_of
  local on_chunk, on_text = settings.policy.on_chunk, settings.policy.on_text
  local chunk = stream:next()
  while chunk do
    if enough(stream, on_chunk, chunk) or enough(stream, on_text, text_of(chunk)) then
      return stream:stop()
    end
    chunk = stream:next()
  end
  return stream:reply()
end

--- Performs a chat request; with on_text or on_chunk, as a stream.
---@param request novita.Request
---@param settings novita.Settings
---@return novita.Reply?, novita.Info|novita.Error
function call.chat(request, settings)
  local policy = settings.policy
  if policy.on_text or policy.on_chunk or request.stream == true then
    return chat_aloud(request, settings)
  end
  local filled, err = fill(request, policy.vars)
  if not filled then return nil, err end
  return perform(settings, "chat", filled, attempt.whole)
end

-- Is it { { id = ... }, ... }?
local function is_list_of_models(value)
  if type(value) ~= "table" then return false end
  for key, model in pairs(value) do
    if type(key) ~= "number" or type(model) ~= "table" or model.id == nil then return false end
  end
  return true
end

--- Starts a chat and goes on: what comes of it is told to handlers.
---@param request novita.Request
---@param handlers novita.Handlers
---@param settings novita.Settings
---@return novita.Handle
function call.start(request, handlers, settings)
  return require("novita.start").run(handlers, loop_of(settings), {
    stream = function() return call.stream(request, settings) end,
    chat = function() return call.chat(request, settings) end,
  })
end

--- Lists the models: GET /models.
---@param settings novita.Settings
---@return novita.Model[]?, novita.Info|novita.Error
function call.models(settings)
  local request = { path = "/models", public = true }
  local answer, info = perform(settings, "request", request, attempt.whole)
  if not answer then return nil, info end
  if type(answer) ~= "table" or not is_list_of_models(answer.data) then
    return nil, core.error {
      kind = "invalid_response", status = info.status, request_id = info.request_id,
      message = "the response can't be used: no list of models",
    }
  end
  return answer.data, info
end

-- The settings with what a request's templates see of an item, beside the variables of the call.
local function settings_for(settings, item, index)
  local vars = {}
  for name, value in pairs(settings.policy.vars or {}) do vars[name] = value end
  vars.item, vars.index = item, index
  return setmetatable({
    policy = setmetatable({ vars = vars }, { __index = settings.policy }),
  }, { __index = settings })
end

--- Calls a function, or performs a request, for each item of a list.
---@param items any[]
---@param what novita.Request|fun(item: any, index: integer): any, any
---@param settings novita.Settings
---@return any[] results, novita.Summary
function call.map(items, what, settings)
  local fn = what
  if type(what) == "table" then
    fn = function(item, index) return call.chat(what, settings_for(settings, item, index)) end
  end
  return require("novita.map").run(items, fn, loop_of(settings), settings.policy)
end

return call
