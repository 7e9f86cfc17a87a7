--- One attempt of a call: its turn, its exchange with the server, and its line in the log.
---
--- An attempt is described by the table `this` of call.lua: settings, method (the pool's: "chat" or
--- "request"), request, await (attempt.whole or attempt.headers), loop, env and log.

local compat = require("novita.compat")
local core = require("novita.core")
local limit = require("novita.limit")
local loops = require("novita.loop")

local attempt = {}

local function failure(kind, message, param)
  return core.error { kind = kind, message = message, param = param }
end

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

--- A transfer's reply and info, or nil and the error, when it has ended.
function attempt.whole(loop, transfer)
  local reply, info = transfer:reply()
  while reply == nil and info == nil do
    loop.wait(transfer)
    reply, info = transfer:reply()
  end
  return reply, info
end

--- A stream once its headers are here, or nil and the error.
function attempt.headers(loop, transfer)
  local info = transfer:info()
  while info == nil do
    loop.wait(transfer)
    info = transfer:info()
  end
  if not info or info.status >= 300 then return attempt.whole(loop, transfer) end
  return require("novita.stream").new(transfer, loop, info), info
end

-- Starts a transfer by the pool's method and waits for what `await` waits for.
local function exchange(this)
  local wire, err = wire_of(this.settings, this.env)
  if not wire then return nil, err end
  local task = this.loop.current()
  if task and task.cancelled then return nil, failure("cancelled", "the task was cancelled") end
  local pool = this.loop.pool()
  local transfer, problem = pool[this.method](pool, this.request, wire)
  if not transfer then return nil, problem end
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
  shared.limiter = shared.limiter or limit.new({}, loops.environment(this.loop))
  shared.limiter:refused(err, busy)
end

local function at_once(this)
  local calls = this.settings.shared.calls
  calls[this] = true
  local value, info = exchange(this)
  if not value and limit.is_refusal(info) then pause_all(this, info) end
  calls[this] = nil
  return value, info
end

-- An attempt with its turn: a stream keeps it until its end.
local function in_turn(this)
  local settings = this.settings
  local limiter = settings.policy.limit or settings.shared.limiter
  if not limiter then return at_once(this) end
  local ticket, err = limiter:acquire(this.method == "chat" and this.request or 0, this.env)
  if not ticket then return nil, err end
  local ok, value, info = compat.pcall(exchange, this)
  if not ok then -- a function of the user's raised
    ticket:release()
    error(value, 0)
  elseif value and this.await == attempt.headers then
    value.on_end = function(reply, failed) ticket:finish(reply, failed) end
  else
    ticket:finish(value or nil, not value and info or nil)
  end
  return value, info
end

-- Logs ------------------------------------------------------------------------------------------

--- Logs what came of an attempt or of a call. Metadata only: no key, no body, no query, no text of
--- the model's.
function attempt.log(this, level, fields, value, info)
  local err = not value and info or {}
  fields.method = this.method == "chat" and "POST" or "GET"
  fields.status, fields.request_id = info and info.status, info and info.request_id
  fields.kind, fields.curl_code = err.kind, err.cause and err.cause.code
  this.log(level, fields)
end

--- Makes one attempt.
---@param this table
---@param number integer
---@return any value, novita.Info|novita.Error info
function attempt.make(this, number)
  if not this.log then return in_turn(this) end
  local started = this.env.now()
  local value, info = in_turn(this)
  attempt.log(this, value and "info" or "warn", {
    event = "attempt", attempt = number, duration = this.env.now() - started,
  }, value, info)
  return value, info
end

return attempt
