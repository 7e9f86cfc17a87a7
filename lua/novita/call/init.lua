--- One call, from the request to what the caller gets: fill the templates, attempt, retry. Written
--- once, as straight-line code over a loop that knows how to wait here.

local attempt = require("novita.call.attempt")
local core = require("novita.core")
local each = require("novita.compat").each
local request_fields = require("novita.call.request_fields")
local loops = require("novita.loop")
local parse = require("novita.call.structured")
local retry = require("novita.retry")
local deliver = require("novita.call.callbacks")
local tables = require("novita.tables")
require("novita.reply")

local call = {}

local function is_time(seconds)
  return type(seconds) == "number" and seconds > 0
end

-- Returns the environment of retry and limit, with the deadline of this call.
local function environment_of(loop, settings)
  local general, seconds = loops.environment(loop), settings.wire.deadline
  if not is_time(seconds) then return general end -- the C module will refuse what it is
  return setmetatable({ deadline = loop.now() + seconds }, { __index = general })
end

-- Requests and templates ------------------------------------------------------------------------

--- The request over the fields that the client or the call has for all.
---@param request novita.Request
---@param policy table
---@return novita.Request
function call.complete(request, policy)
  if not policy.defaults then return request end
  return tables.merged(policy.defaults, request)
end

--- The request with its variables filled in, if there are any.
---@param request novita.Request
---@param vars? table|false
---@return novita.Request? filled nil if a field is misspelt or a template is wrong
---@return novita.Error? err
function call.fill(request, vars)
  local misspelt = request_fields.problem(request)
  if misspelt then return nil, misspelt end
  if not vars then return request end
  local filled, err = require("novita.template").fill(request, vars)
  if filled then return filled end
  return nil, core.error { kind = "config", message = err.message, param = err.field }
end

-- The same request, as a stream.
local function streamed(request)
  return tables.merged(request, { stream = true })
end

-- Calls -----------------------------------------------------------------------------------------

-- The time for which an attempt waited for its turn belongs to the wait before it.
local function tell_turns(attempts, turns)
  for number, seconds in each(turns) do
    local before, entry = attempts[number - 1], attempts[number]
    before.delay = before.delay + seconds
    if entry then entry.seconds = entry.seconds - seconds end
  end
end

local function conclude(this, attempts, value, info, ...)
  if this.turns then tell_turns(attempts, this.turns) end
  this.turns = nil
  if value and this.await ~= attempt.headers then
    info.attempts = attempts
  elseif value then
    value.info.attempts = attempts
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

-- Makes the state of a call for its attempts, see attempt.lua.
local function describe(settings, loop, method, request, await)
  return {
    settings = settings, method = method, request = request, await = await,
    loop = loop, env = environment_of(loop, settings), log = settings.policy.log,
  }
end

local function new_run(this)
  return retry.new(function(number)
    return attempt.make(this, number)
  end, policy_of(this), this.env, function(_, _, server_delay)
    return attempt.wait(this, server_delay)
  end)
end

-- An opened stream is reopened if the first that it brings is an error that is worth another
-- attempt by its code: nothing has been delivered then, and it counts like an answer under 200 that
-- says so. Returns the new stream, or nil.
local function reopen(this, run, stream, err)
  local kind, phase = err.kind, err.phase
  err.kind, err.phase = "api_error", nil
  attempt.failed_late(this, stream, err)
  local fresh = conclude(this, retry.again(run, err))
  err.kind, err.phase = kind, phase
  return fresh
end

local function reopenable(this, run, stream, ...)
  if stream and this.await == attempt.headers then
    function stream.reopen(err) return reopen(this, run, stream, err) end
  end
  return stream, ...
end

-- Goes on behind a first attempt, until one succeeds or there is no more to hope for.
local function go_on(this, started, ...)
  local run = new_run(this)
  return reopenable(this, run, conclude(this, retry.go_on(run, started, ...)))
end

-- Completes a stream that the first attempt has opened. The state of the call is made only if the
-- stream is to be reopened.
local function opened_plainly(stream, info, settings, loop, method, request)
  function stream.reopen(err)
    local this = describe(settings, loop, method, request, attempt.headers)
    local run = new_run(this)
    run.attempts = info.attempts
    this.number = #run.attempts
    return reopen(this, run, stream, err)
  end
  return stream, info
end

-- A call whose settings ask for nothing but an exchange makes its first attempt without that. It
-- is the only one of most; the info tells of it by itself.
local function perform_plainly(settings, loop, method, request, await)
  local started = loop.now()
  local value, info = attempt.exchange(settings, loop, settings.wire, method, request, await)
  if value and await == attempt.headers then
    return opened_plainly(value, info, settings, loop, method, request)
  end
  if value and not settings.retry.retry_if then return value, info end
  local this = describe(settings, loop, method, request, await)
  this.number = 1
  attempt.settle(this, value, info)
  return go_on(this, started, value, info)
end

-- Finds the loop of a client once, at its first call: the host does not change.
local function loop_of(shared)
  shared.loop = loops.here()
  return shared.loop
end

--- Attempts until one succeeds or there is no more to hope for.
---@param settings novita.Settings
---@param method "chat"|"request" of the pool
---@param request table
---@param await fun(loop: table, transfer: novita.Transfer, request: table): any, any
---@return any value, any info
function call.perform(settings, method, request, await)
  local shared = settings.shared
  local loop = settings.policy.loop or shared.loop or loop_of(shared)
  if settings.plain and not shared.limiter then
    return perform_plainly(settings, loop, method, request, await)
  end
  local this = describe(settings, loop, method, request, await)
  return go_on(this, loop.now(), attempt.make(this, 1))
end

-- Starts a streamed chat, of a request that is complete.
local function open_stream(request, settings)
  local filled, err = call.fill(request, settings.policy.vars)
  if not filled then return nil, err end
  local stream
  stream, err = call.perform(settings, "chat", streamed(filled), attempt.headers)
  if not stream then return nil, err end
  if settings.policy.parse then
    stream.parse = function(reply, info)
      local problem = parse.read(reply, filled.response_format)
      return problem and parse.complete(problem, info)
    end
  end
  return stream
end

--- Starts a streamed chat and waits for its headers.
---@param request novita.Request
---@param settings novita.Settings
---@return novita.Stream?, novita.Error?
function call.stream(request, settings)
  return open_stream(call.complete(request, settings.policy), settings)
end

--- Performs a chat request; with on_text or on_chunk, as a stream.
---@param request novita.Request
---@param settings novita.Settings
---@return novita.Reply?, novita.Info|novita.Error
function call.chat(request, settings)
  local policy = settings.policy
  request = call.complete(request, policy)
  if policy.on_text or policy.on_chunk or request.stream == true then
    local stream, err = open_stream(request, settings)
    if not stream then return nil, err end
    return deliver(stream, policy)
  end
  local filled, err = request, nil -- a plain call has its fields checked while they are written
  if policy.vars or not settings.plain then filled, err = call.fill(request, policy.vars) end
  if not filled then return nil, err end
  if not policy.parse then return call.perform(settings, "chat", filled, attempt.whole) end
  return parse.chat(settings, filled.response_format, function(own)
    return call.perform(own, "chat", filled, attempt.whole)
  end)
end

return call
