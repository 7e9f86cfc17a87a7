--- One call, from the request to what the caller gets: fill the templates, wait for a turn,
--- attempt, retry. Written once, as straight-line code over a loop that knows how to wait here.

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

local environments = setmetatable({}, { __mode = "k" })

--- What the pure parts (retry, limit) need of a loop: its clock, sleep ...
---@param loop table
---@return novita.RetryEnv
function call.environment(loop)
  environments[loop] = environments[loop] or {
    now = loop.now, time = os.time, random = core.random, error = core.error,
    task = loop.current, wake = loop.wake,
    sleep = function(seconds)
      if loop.sleep(seconds) then return true end
      return nil, failure("cancelled", "cancelled while waiting")
    end,
  }
  return environments[loop]
end

--- Makes a limiter.
---@param options novita.LimitOptions
---@param loop? table whose clock it goes by
---@return novita.Limiter
function call.limit(options, loop)
  return limit.new(options, call.environment(loop or loops.here()))
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
    end, whole, call.environment(loops.here())))
  end
end

local function is_time(seconds)
  return type(seconds) == "number" and seconds > 0
end

-- The same for one call, with its deadline.
local function environment_of(loop, settings)
  local general, seconds = call.environment(loop), settings.wire.deadline
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

-- The wire --------------------------------------------------------------------------------------

-- The key that a function gives.
local function ask_key(fn)
  local key, reason = fn()
  if type(key) == "string" then return key end
  local given = key == nil and "nothing" or "a " .. type(key)
  if key == nil and reason ~= nil then given = given .. ": " .. tostring(reason) end
  return nil, failure("config", "api_key: the function returned " .. given, "api_key")
end

local function deadline_message(settings)
  return ("the deadline of %.6g s has passed"):format(settings.wire.deadline)
end

-- The options for the wire at this moment: the key that a function gives, the time that is left.
local function wire_of(settings, env)
  local wire = settings.wire
  local key = wire.api_key
  if type(key) ~= "function" and not env.deadline then return wire end
  local copy = {}
  for name, value in pairs(wire) do copy[name] = value end
  if type(key) == "function" then
    local err
    copy.api_key, err = ask_key(key)
    if err then return nil, err end
  end
  if env.deadline then
    copy.deadline = env.deadline - env.now()
    if copy.deadline <= 0 then
      return nil, core.error {
        kind = "timeout", reason = "deadline", message = deadline_message(settings),
      }
    end
  end
  return copy
end

-- A transfer's reply and info, or nil and the error, when it has ended.
local function finish(loop, transfer)
  local reply, info = transfer:reply()
  while reply == nil and info == nil do
    loop.wait(transfer)
    reply, info = transfer:reply()
  end
  return reply, info
end

-- A stream once its headers are here, or nil and the error.
local function open(loop, transfer)
  local info = transfer:info()
  while info == nil do
    loop.wait(transfer)
    info = transfer:info()
  end
  if not info or info.status >= 300 then return finish(loop, transfer) end
  return require("novita.stream").new(transfer, loop, info), info
end

-- One attempt: starts a transfer by the pool's method and waits for what `await` waits for.
local function attempt(this)
  local wire, err = wire_of(this.settings, this.env)
  if not wire then return nil, err end
  local task = this.loop.current()
  if task and task.cancelled then return nil, failure("cancelled", "the task was cancelled") end
  local pool = this.loop.pool()
  local transfer
  transfer, err = pool[this.method](pool, this.request, wire)
  if not transfer then return nil, err end
  local value, info = this.await(this.loop, transfer)
  if not value and info.reason == "deadline" then info.message = deadline_message(this.settings) end
  return value, info
end

-- Turns -----------------------------------------------------------------------------------------

-- Until a server says 429, a client without limits keeps no count at all; from then on its calls
-- share the pause.
local function pause_all(this, err)
  local shared, busy = this.settings.shared, 0
  for _ in pairs(shared.calls) do busy = busy + 1 end
  shared.limiter = shared.limiter or call.limit({}, this.loop)
  shared.limiter:refused(err, busy)
end

local function attempt_at_once(this)
  local calls = this.settings.shared.calls
  calls[this] = true
  local value, info = attempt(this)
  if not value and limit.is_refusal(info) then pause_all(this, info) end
  calls[this] = nil
  return value, info
end

-- An attempt with its turn: a stream keeps it until its end.
local function attempt_in_turn(this)
  local settings = this.settings
  local limiter = settings.policy.limit or settings.shared.limiter
  if not limiter then return attempt_at_once(this) end
  local ticket, err = limiter:acquire(this.method == "chat" and this.request or 0, this.env)
  if not ticket then return nil, err end
  local ok, value, info = compat.pcall(attempt, this)
  if not ok then -- a function of the user's raised
    ticket:release()
    error(value, 0)
  elseif value and this.await == open then
    value.on_end = function(reply, failed) ticket:finish(reply, failed) end
  else
    ticket:finish(value or nil, not value and info or nil)
  end
  return value, info
end

-- Logs ------------------------------------------------------------------------------------------

-- Metadata only: no key, no body, no query, no text of the model's.
local function log_outcome(this, level, fields, value, info)
  local err = not value and info or {}
  fields.method = this.method == "chat" and "POST" or "GET"
  fields.status, fields.request_id = info and info.status, info and info.request_id
  fields.kind, fields.curl_code = err.kind, err.cause and err.cause.code
  this.log(level, fields)
end

local function logged_attempt(this, number)
  local started = this.env.now()
  local value, info = attempt_in_turn(this)
  log_outcome(this, value and "info" or "warn", {
    event = "attempt", attempt = number, duration = this.env.now() - started,
  }, value, info)
  return value, info
end

-- Calls -----------------------------------------------------------------------------------------

local function conclude(this, attempts, value, info, ...)
  if value and this.await ~= open then
    info.attempts = attempts
  elseif value then
    value.attempts, value.info.attempts = attempts, attempts
  elseif this.log then
    log_outcome(this, "error", { event = "failure", attempts = #attempts }, nil, info)
  end
  return value, info, ...
end

-- Of a stream nothing is known yet that retry_if could look at. Waits are logged.
local function policy_of(this)
  local policy, log = this.settings.retry, this.log
  local retry_if = this.await ~= open and policy.retry_if
  if not log and retry_if == policy.retry_if then return policy end
  local own = setmetatable({ retry_if = retry_if or false }, { __index = policy })
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
  local try = this.log and logged_attempt or attempt_in_turn
  return conclude(this, retry.run(function(number)
    return try(this, number)
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
  stream, err = perform(settings, "chat", streamed(filled), open)
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
  return perform(settings, "chat", filled, finish)
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
  local answer, info = perform(settings, "request", { path = "/models", public = true }, finish)
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
