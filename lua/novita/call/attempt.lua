--- One attempt of a call: its turn, its exchange with the server, and its line in the log.
---
--- An attempt is described by the table `this` of call/init.lua: settings, method (the pool's:
--- "chat" or "request"), request, await (attempt.whole or attempt.headers), loop, env and log; here
--- are added its number and, after a 429, the wait that it is to have.

local compat = require("novita.compat")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local limit = require("novita.limit")
local loops = require("novita.loop")
local request_fields = require("novita.call.request_fields")
local retry = require("novita.retry")
local secrets = require("novita.call.secrets")
local tables = require("novita.tables")

local each = compat.each
local KNOWN = request_fields.KNOWN

local attempt = {}

local LEAST = 0.001 -- seconds: the shortest sleep of a limiter

-- The options for the wire at this moment: the key that a function gives, the time that is left.
local function wire_of(settings, env)
  local wire, names = settings.wire, settings.secrets
  if not names and not env.deadline then return wire end
  local copy = tables.merged(wire)
  local err = names and secrets.reveal(copy, names)
  if err then return nil, err end
  if env.deadline then
    copy.deadline = env.deadline - env.now()
    if copy.deadline <= 0 then
      return nil, error_hint.deadline_error(wire.deadline)
    end
  end
  return copy
end

--- A transfer's reply and info, or nil and the error, when it has ended.
function attempt.whole(loop, transfer)
  local reply, info, odd = transfer:reply()
  while reply == nil and info == nil do
    loop.wait(transfer)
    reply, info, odd = transfer:reply()
  end
  if odd then return require("novita.stream.plain_reply").read(transfer, reply, info) end
  return reply, info
end

--- A stream once its headers are here, or nil and the error.
function attempt.headers(loop, transfer, request)
  local info = transfer:info()
  while info == nil do
    loop.wait(transfer)
    info = transfer:info()
  end
  if not info or info.status >= 300 then return attempt.whole(loop, transfer) end
  local accumulator = request.accumulator and request.accumulator()
  return require("novita.stream").new(transfer, loop, info, request.n, accumulator), info
end

-- Starts a request that has a field that is not known: it is sent, unless it is misspelt.
local function start_unknown(pool, request, wire)
  local misspelt = request_fields.problem(request)
  if misspelt then return nil, misspelt end
  return pool:chat(request, wire)
end

--- Starts a transfer by the pool's method and waits for what `await` waits for: the first attempt
--- of a call that needs no more, see attempt.is_plain.
---@param settings novita.Settings
---@param loop table
---@param wire table settings.wire, or what it is at this moment
---@param method "chat"|"request"
---@param request table
---@param await function attempt.whole or attempt.headers
---@return any value, novita.Info|novita.Error info
function attempt.exchange(settings, loop, wire, method, request, await)
  local task = loop.current()
  if task and task.cancelled then
    return nil, core.error { kind = "cancelled", message = "the task was cancelled" }
  end
  local pool, lack = loop.pool()
  if not pool then return nil, lack end
  local transfer, slot = pool[method](pool, request, wire, KNOWN)
  if slot == false then transfer, slot = start_unknown(pool, request, wire) end
  local value, info = nil, slot
  if transfer then
    local calls = settings.shared.calls
    calls[slot] = transfer
    value, info = await(loop, transfer, request)
    calls[slot] = nil
  end
  if not value then
    error_hint.complete(info, settings, wire, request.path or "/chat/completions")
  elseif await == attempt.headers and settings.wire.deadline then
    value.deadline = settings.wire.deadline
  end
  return value, info
end

-- Turns -----------------------------------------------------------------------------------------

-- The limiter of a client without limits: its calls share the wait of one that was refused.
local function new_limiter(this)
  local limiter = limit.new({}, loops.environment(this.loop))
  limiter.throttle.grows = false
  return limiter
end

-- Until a server says 429, a client without limits keeps no count at all; from then on its calls
-- share the pause.
local function pause_all(this, err)
  local shared, busy = this.settings.shared, 1
  for _ in each(shared.calls) do busy = busy + 1 end
  shared.limiter = shared.limiter or new_limiter(this)
  return shared.limiter:refused(err, this.settings.retry, this.number - 1, busy)
end

--- Records the end of an attempt without a limiter: calls pause after a 429.
---@param this table
---@param value any
---@param info novita.Info|novita.Error
function attempt.settle(this, value, info)
  if not value and limit.is_refusal(info) then this.wait = pause_all(this, info) end
end

--- An opened stream has failed by its first event: its turn ends, and calls pause after a 429.
---@param this table
---@param stream novita.Stream
---@param err novita.Error
function attempt.failed_late(this, stream, err)
  if stream.on_end then
    stream.on_end(nil, err)
  else
    attempt.settle(this, nil, err)
  end
end

-- The exchange of an attempt, with the options of this moment.
local function timely(this)
  local wire, err = wire_of(this.settings, this.env)
  if not wire then return nil, err end
  local precondition = this.settings.policy.precondition
  err = precondition and precondition()
  if err then return nil, err end
  return attempt.exchange(this.settings, this.loop, wire, this.method, this.request, this.await)
end

local function at_once(this)
  local value, info = timely(this)
  attempt.settle(this, value, info)
  return value, info
end

-- Waits for the turn of an attempt. That of a later attempt is part of the wait before it, which
-- call/init.lua sees to.
local function turn_of(this, limiter)
  local what, since = this.request, this.env.now()
  if this.method ~= "chat" then what = what.content end
  local permit, err = limiter:acquire(what, this.env)
  local seconds = this.env.now() - since
  if this.number > 1 and seconds >= LEAST then
    this.turns = this.turns or {}
    this.turns[this.number] = seconds
  end
  return permit, err
end

-- An attempt with its turn: a stream keeps it until its end.
local function in_turn(this)
  local settings = this.settings
  local limiter = settings.policy.limit or settings.shared.limiter
  if not limiter then return at_once(this) end
  local permit, err = turn_of(this, limiter)
  if not permit then return nil, err end
  local ok, value, info = compat.pcall(timely, this)
  if not ok then -- a function of the user's raised
    permit:release()
    error(value, 0)
  elseif value and this.await == attempt.headers then
    value.on_end = function(reply, failed) permit:finish(reply, failed, settings.retry) end
  else
    local failed = not value and info or nil
    this.wait = permit:finish(value or nil, failed, settings.retry, this.number - 1)
  end
  return value, info
end

--- Returns the delay after an attempt: that of its policy, but at least to the end of a pause.
---@param this table
---@param server_delay? number what the server asked for
---@return number seconds
function attempt.wait(this, server_delay)
  local settings = this.settings
  local own = this.wait
    or retry.delay(settings.retry, this.number - 1, server_delay, this.env.random)
  local limiter = settings.policy.limit or settings.shared.limiter
  return limiter and math.max(own, limiter:rest()) or own
end

-- Logs ------------------------------------------------------------------------------------------

--- Logs what came of an attempt or of a call. Metadata only: no key, no body, no query, no text of
--- the model's.
function attempt.log(this, level, fields, value, info)
  local err = not value and info or {}
  fields.method = this.method == "chat" and "POST" or this.request.method or "GET"
  fields.status, fields.request_id = info and info.status, info and info.request_id
  fields.kind, fields.curl_code = err.kind, err.cause and err.cause.code
  this.log(level, fields)
end

--- Can the first attempt of a call with these settings be made by attempt.exchange?
---@param settings novita.Settings
---@return boolean
function attempt.is_plain(settings)
  local policy = settings.policy
  return not (policy.log or policy.limit or policy.precondition or settings.wire.deadline
    or settings.secrets)
end

--- Makes one attempt.
---@param this table
---@param number integer
---@return any value, novita.Info|novita.Error info
function attempt.make(this, number)
  this.number, this.wait = number, nil
  if not this.log then return in_turn(this) end
  local started = this.env.now()
  local value, info = in_turn(this)
  attempt.log(this, value and "info" or "warn", {
    event = "attempt", attempt = number, duration = this.env.now() - started,
  }, value, info)
  return value, info
end

return attempt
