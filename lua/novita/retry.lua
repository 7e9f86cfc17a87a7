--- Which failures are worth another attempt, and how long to wait before it.
--
-- Pure: the clocks, the sleep, the dice and the making of errors come in as `env`.
--
-- What is retried (the rule of OpenAI's own SDKs and of Novita's table of errors): connections that
-- fail, time-outs before the answer is whole, 408, 409, 429 and every status >= 500. A server may
-- say otherwise with `x-should-retry: true` or `false`, exactly so. Never retried: an empty account
-- or quota, whatever its status; an answer that is complete but of no use; anything after a part of
-- a stream was delivered; a call that was cancelled or whose deadline has passed.
--
-- How long: the n-th wait (from 0) is min(initial_delay * factor^n, max_delay), times a random
-- number from 1 - jitter to 1. A time that the server names (RFC 9110 10.2.3) is a floor: at most a
-- tenth is added, nothing is ever taken away; and one beyond max_retry_after ends the call at once,
-- since after a shorter wait it would only be refused again.

local httpdate = require "novita.httpdate"
local options = require "novita.options"

local retry = {}

local TOLD_JITTER = 0.1

---@class novita.RetryPolicy
---@field attempts integer how many requests at most; the first counts
---@field initial_delay number seconds
---@field factor number
---@field max_delay number
---@field jitter number 0 to 1
---@field max_retry_after number
---@field when fun(err: any, attempt: integer): boolean?  true, false, or nil for the usual rule
---@field before fun(attempt: integer, err: any, delay: number)?  told of each wait
---@field retry_if fun(reply: any): string?  names what is wrong with an answer

local PRESETS = {
  default = {
    attempts = 5, initial_delay = 1, factor = 2, max_delay = 60, jitter = 0.25,
    max_retry_after = 120,
  },
  aggressive = { attempts = 10, initial_delay = 0.25, max_delay = 30, max_retry_after = 300 },
  none = { attempts = 1 },
}

local RULES = {
  preset = options.one_of(PRESETS),
  attempts = options.integer(1),
  initial_delay = options.number(0),
  factor = options.number(1),
  max_delay = options.number(0),
  jitter = options.number(0, 1),
  max_retry_after = options.number(0),
  when = options.callable,
  before = options.callable,
  retry_if = options.callable,
}

local function set(names)
  local members = {}
  for name in names:gmatch("%S+") do members[name] = true end
  return members
end

-- Failures of ours that another attempt would only repeat.
local FINAL = set [[config cancelled callback_error redirect api_error stream_error stream_truncated
  invalid_response response_too_large length_finish content_filter_finish
  queue_full rate_limited_local circuit_open]]

local NO_MONEY = set "insufficient_quota not_enough_balance billing_balance_not_enough"

local RETRIED = { [408] = true, [409] = true, [429] = true }

--- A whole policy, from a preset's name or from a table that may name a `preset` and differ from
--- it. Raises on a field that is unknown or of the wrong type.
---@param given "default"|"aggressive"|"none"|table|nil
---@return novita.RetryPolicy
function retry.policy(given)
  if given == nil then given = {} end
  if type(given) == "string" then given = { preset = given } end
  options.check("retry", given, RULES)
  local policy = {}
  for _, source in ipairs { PRESETS.default, PRESETS[given.preset or "default"], given } do
    for field, value in pairs(source) do policy[field] = value end
  end
  policy.preset = nil
  return policy
end

-- Digits with an optional fraction. Not tonumber alone: it takes hex, exponents, inf and nan.
local function decimal(text)
  if type(text) ~= "string" then return nil end
  local whole, fraction = text:match("^(%d+)%.?(%d*)$")
  if not whole or text:sub(-1) == "." then return nil end
  fraction = fraction:sub(1, 9)
  local number = tonumber(whole) + (fraction == "" and 0 or tonumber(fraction) / 10 ^ #fraction)
  return math.min(number, 2147483648) -- RFC 9111 1.2.2: what does not fit is this
end

--- The wait a server names, in seconds: `retry-after-ms`, else `Retry-After` as a number or a date,
--- which is read against the response's own `Date` where it has one. 0 for now or for the past; nil
--- where there is none that can be read.
---@param headers table<string, string>?  by lower-case name
---@param wall_now number seconds since 1970
---@return number?
function retry.after(headers, wall_now)
  if not headers then return nil end
  local ms = decimal(headers["retry-after-ms"])
  if ms then return ms / 1000 end
  local value = headers["retry-after"]
  local at = httpdate.parse(value, wall_now)
  if not at then return decimal(value) end
  return math.max(0, at - (httpdate.parse(headers["date"], wall_now) or wall_now))
end

--- The wait that the answer behind an error names, in seconds, or nil.
---@param err any
---@param wall_now number
---@return number?
function retry.told(err, wall_now)
  if type(err) ~= "table" or err.kind == "connection" or err.kind == "timeout" then return nil end
  if type(err.retry_after) == "number" then return err.retry_after end
  return retry.after(err.headers, wall_now)
end

-- Past help: neither the rule nor `when` may bring another attempt.
local function closed(err, policy, wall_now)
  if type(err) ~= "table" then return false end
  return err.kind == "cancelled" or (err.kind == "timeout" and err.reason == "deadline")
    or err.phase == "stream" or err.partial ~= nil -- some of it was delivered
    or (retry.told(err, wall_now) or 0) > policy.max_retry_after
end

--- Does an error speak of an empty account or quota? No wait mends that.
---@param err table
---@return boolean
function retry.no_money(err)
  for _, field in ipairs { "code", "type", "reason" } do
    if NO_MONEY[tostring(err[field]):lower()] then return true end
  end
  return false
end

--- The usual rule: is this failure worth another attempt? An error with neither kind nor status (a
--- string, another library's table) is: what failed is not known, so `when` has to say more.
---@param err any
---@param policy novita.RetryPolicy
---@param wall_now number
---@return boolean
function retry.retryable(err, policy, wall_now)
  if type(err) ~= "table" then return true end
  if FINAL[err.kind] or closed(err, policy, wall_now) then return false end
  if err.kind == "connection" or err.kind == "timeout" then return true end
  if retry.no_money(err) then return false end
  if type(err.status) ~= "number" then return true end
  local should = err.headers and err.headers["x-should-retry"]
  if should == "true" or should == "false" then return should == "true" end
  return RETRIED[err.status] or err.status >= 500
end

--- The wait before another attempt.
---@param policy novita.RetryPolicy
---@param n integer how many waits there were before
---@param told number?  what the server asked for
---@param random fun(): number uniform in [0, 1)
---@return number seconds
function retry.delay(policy, n, told, random)
  if told and told > 0 then return told * (1 + TOLD_JITTER * random()) end
  if policy.initial_delay == 0 then return 0 end -- and not 0 * inf
  local delay = math.min(policy.initial_delay * policy.factor ^ n, policy.max_delay)
  return delay * (1 - policy.jitter * random())
end

--- Ready-made `retry_if`s for answers that are whole and yet of no use. Each names the fault or
--- returns nil, so two are joined by `or`.
retry.bad = {}

--- No choice holds any text, tool call or refusal.
---@return "empty"?
function retry.bad.empty(reply)
  for _, choice in ipairs(reply.choices or {}) do
    local message = choice.message or {}
    local content = message.content or message.refusal or ""
    if type(content) ~= "string" or content:find("%S") or next(message.tool_calls or {}) then
      return nil
    end
  end
  return "empty"
end

--- A choice was cut off at max_tokens.
---@return "length"?
function retry.bad.length(reply)
  for _, choice in ipairs(reply.choices or {}) do
    if choice.finish_reason == "length" then return "length" end
  end
end

--- The text is not JSON.
---@return "not_json"?
function retry.bad.not_json(reply)
  if reply:json() == nil then return "not_json" end
end

local function is_ours(err)
  return type(err) == "table" and err.kind ~= nil
end

-- What is wrong with the outcome of one attempt: an error, and whether it is about a bad answer.
local function failure(run, value, err)
  if value == nil then return err, false end
  local reason = run.policy.retry_if and run.policy.retry_if(value)
  if not reason then return nil end
  return run.env.error {
    kind = "invalid_response", reason = reason, reply = value,
    message = "the answer is of no use: " .. tostring(reason),
  }, true
end

-- Seconds until the next attempt, or nil where this failure ends the call.
local function next_wait(run, n, err, bad)
  local policy, env = run.policy, run.env
  local wall_now = env.time()
  local told = retry.told(err, wall_now)
  if is_ours(err) then err.retry_after = told end
  if n >= policy.attempts or closed(err, policy, wall_now) then return nil end
  local again
  if policy.when then again = policy.when(err, n) end
  if again == nil then again = bad or retry.retryable(err, policy, wall_now) end
  if not again then return nil end
  local delay = retry.delay(policy, n - 1, told, env.random)
  if env.deadline and env.now() + delay >= env.deadline then return nil end
  return delay
end

-- The end without success. An error of ours carries the list, so it does not stand in it too.
local function give_up(run, err)
  if is_ours(err) then
    for _, entry in ipairs(run.attempts) do
      if rawequal(entry.error, err) then entry.error = nil end
    end
    err.attempts = run.attempts
  end
  return run.attempts, nil, err
end

local attempt -- it and conclude call each other, always as the last thing they do: no stack grows

local function conclude(run, n, started, ...)
  local env, entry = run.env, {}
  run.attempts[n] = entry
  entry.seconds = env.now() - started
  local err, bad = failure(run, ...)
  if err == nil then return run.attempts, ... end
  entry.error = err
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

--- Calls fn(attempt) until it succeeds, fails for good, or the budget is spent. To fail is to
--- return nil and an error that is not nil; what fn, `when` or `before` throw goes through.
--- Returns the list of attempts, then what fn returned last; after a cancelled sleep nil and its
--- error; for an answer that stayed bad nil and an error that holds it as `err.reply`.
---@param fn fun(attempt: integer): any, ...
---@param policy novita.RetryPolicy
---@param env novita.RetryEnv
---@return novita.Attempt[] attempts
---@return any ...
function retry.run(fn, policy, env)
  return attempt({ fn = fn, policy = policy, env = env, attempts = {} }, 1)
end

return retry
