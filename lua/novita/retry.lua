--- Decides which failures are retried, and computes the delay before the next attempt.
--
-- Pure: clocks, sleep, random numbers and the constructor of errors are passed in as `env`.
--
-- Retried are (as in OpenAI's SDKs and Novita's table of errors) failed connections, time-outs
-- before the answer is complete, 408, 409, 429 and every status >= 500, and an error with status
-- 200 whose code is 429 or 500 to 599. A server overrides this with the header `x-should-retry`,
-- whose value is exactly `true` or `false`. Never retried are an exhausted account or quota,
-- whatever the status; an answer that is complete but unusable; a stream of which a part was
-- delivered; a call that was cancelled or whose deadline has passed.
--
-- The n-th delay (from 0) is min(initial_delay * factor^n, max_delay), times a random number from
-- 1 - jitter to 1. A delay that the server names (RFC 9110 10.2.3) is a minimum: at most a tenth is
-- added and nothing subtracted; 0 is no delay; one above max_retry_after ends the call at once,
-- since an earlier attempt would be refused again. While all calls pause, the delay lasts at least
-- to the end of the pause (`hold` of retry.run).

local rule = require("novita.rule")
local retry_after = require("novita.retry_after")
local retry_if = require("novita.retry_if")
local tables = require("novita.tables")

local retry = {
  after = retry_after.seconds, server_delay = retry_after.server_delay, bad = retry_if,
}

local SERVER_JITTER = 0.1

---@class novita.RetryPolicy
---@field attempts integer how many requests at most; the first counts
---@field initial_delay number seconds
---@field factor number
---@field max_delay number
---@field jitter number 0 to 1
---@field max_retry_after number
---@field when fun(err: any, attempt: integer): boolean?  true, false, or nil for the usual rule
---@field before fun(attempt: integer, err: any, delay: number)?  called before each wait
---@field retry_if fun(reply: any, err: any): string?  names what is wrong with an answer; `err` is
---  why the option parse can't read it, or nil

local PRESETS = {
  default = {
    attempts = 5, initial_delay = 1, factor = 2, max_delay = 60, jitter = 0.25,
    max_retry_after = 120,
  },
  aggressive = { attempts = 10, initial_delay = 0.25, max_delay = 30, max_retry_after = 300 },
  none = { attempts = 1 },
}

local RULES = {
  preset = rule.one_of(PRESETS),
  attempts = rule.integer(1),
  initial_delay = rule.number(0),
  factor = rule.number(1),
  max_delay = rule.number(0),
  jitter = rule.number(0, 1),
  max_retry_after = rule.number(0),
  when = rule.callable,
  before = rule.callable,
  retry_if = rule.callable,
}

local function set(names)
  local members = {}
  for name in names:gmatch("%S+") do members[name] = true end
  return members
end

-- Local failures that recur in every attempt.
local FINAL = set [[config cancelled callback_error redirect stream_error stream_truncated
  invalid_response response_too_large length_finish content_filter_finish tool_turns busy
  queue_full rate_limited_local circuit_open]]

local QUOTA_EXHAUSTED = set "insufficient_quota not_enough_balance billing_balance_not_enough"

local RETRIED = { [408] = true, [409] = true, [429] = true }

--- Returns a complete policy, from the name of a preset or from a table that may override fields of
--- its `preset`. Raises on a field that is unknown or of the wrong type.
---@param given "default"|"aggressive"|"none"|table|nil
---@return novita.RetryPolicy
function retry.policy(given)
  if given == nil then given = {} end
  if type(given) == "string" then given = { preset = given } end
  rule.check("retry", given, RULES)
  local policy = tables.merged(PRESETS.default, PRESETS[given.preset or "default"], given)
  policy.preset = nil
  return policy
end

-- Returns whether an error is never retried, whatever `when` says.
local function is_final(err, policy, wall_now)
  if type(err) ~= "table" then return false end
  return err.kind == "cancelled" or (err.kind == "timeout" and err.reason == "deadline")
    or err.phase == "stream" -- a part was delivered; for a plain answer:
    or (err.partial ~= nil and err.kind ~= "api_error")
    or (retry.server_delay(err, wall_now) or 0) > policy.max_retry_after
end

--- Returns whether an account or quota is exhausted, which no wait changes.
---@param err table
---@return boolean
function retry.quota_exhausted(err)
  for _, field in ipairs { "code", "type", "reason" } do
    if QUOTA_EXHAUSTED[tostring(err[field]):lower()] then return true end
  end
  return false
end

-- Returns the status of an error; that of an error under 200 is its code, if that is 429 or 5xx.
local function status_of(err)
  if err.kind ~= "api_error" then return err.status end
  local code = tonumber(tostring(err.code):match("^%d+$"))
  return code and (code == 429 or code >= 500 and code < 600) and code or nil
end

local SSL_CONNECT_ERROR = 35 -- curl/curl.h

-- A certificate that either side rejects, or a proxy login, fails in every attempt. Other failures
-- of a handshake may be the network's.
local function is_refused_link(err)
  local code = err.cause and err.cause.code
  return err.reason == "tls" and code ~= nil and code ~= SSL_CONNECT_ERROR
    or err.reason == "proxy" and err.proxy_status == 407
end

--- Returns whether a failure is retried by default. An error with neither kind nor status (a
--- string, another library's table) is, since its cause is unknown; `when` can be stricter.
---@param err any
---@param policy novita.RetryPolicy
---@param wall_now number
---@return boolean
function retry.retryable(err, policy, wall_now)
  if type(err) ~= "table" then return true end
  local status = status_of(err)
  if FINAL[err.kind] or err.kind == "api_error" and not status then return false end
  if is_final(err, policy, wall_now) then return false end
  if err.kind == "connection" then return not is_refused_link(err) end
  if err.kind == "timeout" then return true end
  if retry.quota_exhausted(err) then return false end
  if type(status) ~= "number" then return true end
  local should = err.headers and err.headers["x-should-retry"]
  if should == "true" or should == "false" then return should == "true" end
  return RETRIED[status] or status >= 500
end

--- Returns the delay before the next attempt.
---@param policy novita.RetryPolicy
---@param n integer how many waits there were before
---@param server_delay number?  what the server asked for; 0 is no wait
---@param random fun(): number uniform in [0, 1)
---@return number seconds
function retry.delay(policy, n, server_delay, random)
  if server_delay then return server_delay * (1 + SERVER_JITTER * random()) end
  if policy.initial_delay == 0 then return 0 end -- and not 0 * inf
  local delay = math.min(policy.initial_delay * policy.factor ^ n, policy.max_delay)
  return delay * (1 - policy.jitter * random())
end

local function is_ours(err)
  return type(err) == "table" and err.kind ~= nil
end

-- Returns the error of an attempt, and whether it is about a complete but unusable answer.
local function failure(run, value, err)
  if value == nil then return err, false end
  local reason = run.policy.retry_if and run.policy.retry_if(value)
  if not reason then return nil end
  return run.env.error {
    kind = "invalid_response", reason = reason, reply = value,
    message = "the answer is unusable: " .. tostring(reason),
  }, true
end

-- Returns the delay after attempt n: that of the policy, or to the end of the common pause.
local function wait_after(run, n, err, server_delay)
  if run.hold then return run.hold(n, err, server_delay) end
  return retry.delay(run.policy, n - 1, server_delay, run.env.random)
end

-- Returns the seconds until the next attempt, or nil if this failure ends the call.
local function next_wait(run, n, err, bad)
  local policy, env = run.policy, run.env
  local wall_now = env.time()
  local server_delay = retry.server_delay(err, wall_now)
  if is_ours(err) then err.retry_after = server_delay end
  if n >= policy.attempts or is_final(err, policy, wall_now) then return nil end
  local again
  if policy.when then again = policy.when(err, n) end
  if again == nil then again = bad or retry.retryable(err, policy, wall_now) end
  if not again then return nil end
  local delay = wait_after(run, n, err, server_delay)
  if env.deadline and env.now() + delay >= env.deadline then return nil end
  return delay
end

-- Returns the results of a call that failed. An error of ours holds the list of attempts, so the
-- last attempt in the list does not hold the error.
local function give_up(run, err)
  if is_ours(err) then
    for _, entry in ipairs(run.attempts) do
      if rawequal(entry.error, err) then entry.error = nil end
    end
    err.attempts = run.attempts
  end
  return run.attempts, nil, err
end

-- Did the deadline end the delay, so that this attempt sent nothing? Then it is not counted, and
-- the error of the call is that of the attempt before.
local function is_only_wait(n, err)
  return n > 1 and type(err) == "table" and err.kind == "timeout" and err.reason == "deadline"
    and err.phase == nil
end

local attempt -- it and conclude call each other in tail position: the stack does not grow

local function conclude(run, n, started, ...)
  local env, entry = run.env, {}
  run.attempts[n] = entry
  entry.seconds = env.now() - started
  local err, bad = failure(run, ...)
  if err == nil then return run.attempts, ... end
  if is_only_wait(n, err) then
    run.attempts[n] = nil
    return give_up(run, run.last)
  end
  entry.error, run.last = err, err
  local delay = next_wait(run, n, err, bad)
  if not delay then return give_up(run, err) end
  entry.delay = delay
  if run.policy.before then run.policy.before(n, err, delay) end
  local _, stopped = env.sleep(delay)
  if stopped ~= nil then return give_up(run, stopped) end
  return attempt(run, n + 1)
end

function attempt(run, n)
  return conclude(run, n, run.env.now(), run.fn(n))
end

---@class novita.RetryEnv
---@field now fun(): number  monotonic seconds
---@field time fun(): number  seconds since 1970
---@field sleep fun(seconds: number): any, any  a second value, the error, when it was cancelled
---@field random fun(): number  uniform in [0, 1)
---@field error fun(fields: table): any  makes an error value
---@field deadline number?  on the clock of `now`

---@class novita.Attempt
---@field seconds number how long the attempt took
---@field error any what it failed with; nil for one that succeeded, and in the list that an error
---  carries as `err.attempts`, for that error itself
---@field delay number? the wait after it; nil for the last

--- Calls fn(attempt) until it succeeds, fails with an error that is not retried, or the attempts or
--- the time are used up. A failure is nil and an error; errors of fn, `when`, `before` are raised.
--- Returns the list of attempts, then the results of the last call; after a cancelled sleep nil and
--- its error; for an answer that stays unusable nil and an error that holds it as `err.reply`.
---@param fn fun(attempt: integer): any, ...
---@param policy novita.RetryPolicy
---@param env novita.RetryEnv
---@param hold? fun(attempt: integer, err: any, server_delay?: number): number returns the seconds
---  of the wait after an attempt, where calls pause together; the policy's delay by default
---@return novita.Attempt[] attempts
---@return any ...
function retry.run(fn, policy, env, hold)
  return attempt(retry.new(fn, policy, env, hold), 1)
end

--- Makes the state of such a run, for retry.go_on and retry.again.
---@return table run
function retry.new(fn, policy, env, hold)
  return { fn = fn, policy = policy, env = env, hold = hold, attempts = {} }
end

--- Continues a run whose first attempt began at `started` and returned the other arguments. Returns
--- the results of retry.run.
---@param run table
---@param started number on the clock of env.now
function retry.go_on(run, started, ...)
  return conclude(run, 1, started, ...)
end

--- Continues a run whose last attempt succeeded at first and failed later. Returns the results of
--- retry.run.
---@param run table
---@param err any
function retry.again(run, err)
  local n = #run.attempts
  return conclude(run, n, run.env.now() - run.attempts[n].seconds, nil, err)
end

return retry
