--- Limits requests a minute, tokens a minute and concurrent calls, for all calls that share it.
--
--     local permit, err = limiter:acquire(request, env)   -- waits in the queue
--     local reply, failure = ...                          -- one attempt
--     permit:finish(reply, failure)                       -- for every outcome
--
-- Its parts: window.lua keeps the rates, so that no server that counts the same minute refuses;
-- estimator.lua estimates the tokens of a call; throttle.lua counts the calls in flight and pauses
-- all after a 429; permit.lua is what one attempt holds, from its grant to its end. The queue is
-- here.
--
-- The queue is first in, first out: only its front is granted a permit, and a call that needs many
-- tokens is not overtaken by small ones. Each waiting call runs the queue when it wakes.
--
-- Waiting needs only env.sleep: the call then polls every 5 to 100 ms, less often farther back.
-- With env.task and env.wake it sleeps until woken. nginx may drop a coroutine with its request: a
-- waiting call loses its place once it is OVERDUE seconds late (and regains it if it wakes after
-- all), and a permit frees its slot when it is collected.

local failure = require("novita.limit.failure")
local throttle = require("novita.limit.throttle")
local misuse = require("novita.misuse")
local rule = require("novita.rule")
local store_window = require("novita.limit.store_window")
local permit = require("novita.limit.permit")
local estimator = require("novita.limit.estimator")
local window = require("novita.limit.window")

local limit = { estimate = estimator.estimate, is_refusal = throttle.is_refusal }

local MIN_SLEEP, MAX_SLEEP, WAKEABLE_SLEEP, OVERDUE = 0.005, 0.1, 1, 5 -- seconds

local RULES = {
  rpm = rule.integer(1),
  tpm = rule.integer(1),
  concurrency = rule.integer(1),
  queue = rule.integer(0),
  burst = rule.number(0, 60),
  max_pause = rule.number(0),
  store = rule.with("a store", "query", "transaction"),
  key = rule.string,
}

---@class novita.Limiter
local methods = {}
local mt = { __name = "novita.limiter", __index = methods }

---@class novita.LimitOptions
---@field rpm integer? requests a minute
---@field tpm integer? tokens a minute
---@field concurrency integer? calls at once
---@field queue integer? calls that may wait; default 10000
---@field burst number? seconds' worth of rpm and tpm that may be used at once, 0 to 60; default 10.
---  A call that needs more by itself runs alone
---@field store novita.Store? the limit is kept there, for all processes and machines that share it
---@field key string? with `store`: limits of the same key are one; default "novita"
---@field max_pause number? calls fail rather than wait for a longer pause; default 120

---@class novita.LimitEnv
---@field now fun(): number  monotonic seconds
---@field time fun(): number  seconds since 1970
---@field random fun(): number  uniform in [0, 1)
---@field error fun(fields: table): any  makes an error value

---@class novita.WaitEnv
---@field sleep fun(seconds: number): any, any  a second value, the error, when it was cancelled
---@field deadline number? on the clock of `now`
---@field cancelled nil|fun(): boolean  polled every 0.1 s; not needed if sleep returns an error
---@field task nil|fun(): any  returns the running task
---@field wake nil|fun(task: any)  ends the sleep of a task; must not resume it directly

--- Makes a limiter of its parts; shared_window.lua and store_window.lua pass others.
---@param parts { requests: novita.Window?, tokens: novita.Window?, throttle: novita.Throttle }
---@param given novita.LimitOptions
---@param env novita.LimitEnv
---@return novita.Limiter
function limit.over(parts, given, env)
  return setmetatable({
    env = env,
    requests = parts.requests, tokens = parts.tokens, throttle = parts.throttle,
    history = estimator.history(),
    concurrency = given.concurrency or math.huge,
    max_queue = given.queue or 10000, queue = {}, first = 1, last = 0,
    max_pause = given.max_pause or 120,
  }, mt)
end

--- Makes a limiter. Without rpm, tpm and concurrency it only shares the pause after a 429.
---@param given novita.LimitOptions
---@param env novita.LimitEnv
---@return novita.Limiter
function limit.new(given, env)
  rule.check("limit", given, RULES)
  if given.store then return limit.over(store_window.parts(given, env), given, env) end
  local burst = given.burst or 10
  return limit.over({
    requests = given.rpm and window.new(given.rpm, burst),
    tokens = given.tpm and window.new(given.tpm, burst),
    throttle = throttle.new(env),
  }, given, env)
end

-- Returns the seconds until the front of the queue can have a permit; math.huge if that depends on
-- the end of another call.
local function delay_of(self, waiter, now)
  self.throttle:update()
  if now < self.throttle.resume then return self.throttle.resume - now end
  if self.throttle.busy >= self.concurrency then return math.huge end
  if not self.throttle:has_room() then return MAX_SLEEP end
  local wait = self.requests and self.requests:wait(1, now, waiter) or 0
  if not self.tokens then return wait end
  local expected = self.history:expect(waiter.estimate, self.throttle.busy)
  waiter.tokens = math.min(expected, self.tokens.limit)
  return math.max(wait, self.tokens:wait(waiter.tokens, now))
end

-- Takes the request and the tokens of a call: both, or neither and false if another process has
-- used up the limit meanwhile.
local function take(self, waiter, now)
  local request = self.requests and self.requests:take(1, now, waiter)
  if self.requests and not request then return false end
  local spent = self.tokens and self.tokens:take(waiter.tokens, now, waiter)
  if spent or not self.tokens then return true, request, spent end
  if request then self.requests:correct(request, -1, now) end
  return false
end

local function grant(self, waiter, now)
  local taken, request, spent = take(self, waiter, now)
  if not taken then return false end
  waiter.permit = permit.new {
    limiter = self, call = self.throttle:start(), request = request, tokens = spent,
    estimate = waiter.estimate, prompt = waiter.prompt, counted = waiter.tokens,
  }
  return true
end

-- Wakes a waiting call that would sleep beyond a time.
local function wake_before(waiter, at)
  if waiter.asleep and at < waiter.wakes and waiter.env.wake then waiter.env.wake(waiter.task) end
end

-- Grants permits from the front of the queue, as many as the limits allow, and wakes those calls.
local function run_queue(self)
  local now = self.env.now()
  while self.first <= self.last do
    local waiter = self.queue[self.first]
    if waiter and now < waiter.wakes + OVERDUE then -- neither gone nor overdue?
      local wait = delay_of(self, waiter, now)
      wake_before(waiter, now + wait)
      if wait > 0 or not grant(self, waiter, now) then return end
    end
    self.queue[self.first] = nil
    self.first = self.first + 1
  end
end

-- Takes a place in the limit of a store, if this call is at the front. It does so in its own task,
-- since the answer takes time. Returns the error of the store.
local function ask(self, waiter)
  local places = self.requests
  if not (places and places.ask) or self.queue[self.first] ~= waiter
    or delay_of(self, waiter, self.env.now()) > 0 then
    return nil
  end
  waiter.wakes = math.huge -- not overdue meanwhile
  local err = places:ask(waiter)
  waiter.wakes = self.env.now()
  if not err then run_queue(self) end
  return err
end

local function enqueue(self, waiter)
  self.queue[waiter.index] = waiter
  self.first = math.min(self.first, waiter.index)
  self.last = math.max(self.last, waiter.index)
end

-- Sleeps until the queue may have moved; returns the error of a sleep that was cancelled.
local function sleep_turn(self, waiter)
  local env, now = waiter.env, self.env.now()
  local place = waiter.index - self.first
  local longest = env.wake and not env.cancelled and WAKEABLE_SLEEP or MAX_SLEEP
  local seconds = env.wake and longest or MIN_SLEEP * math.max(place, 1)
  local known = place == 0 and delay_of(self, waiter, now) or math.huge
  if known < math.huge then seconds = known end
  if env.deadline then longest = math.min(longest, env.deadline - now) end
  seconds = math.max(math.min(seconds, longest), 0.001)
  waiter.wakes, waiter.asleep = now + seconds, true
  local _, stopped = env.sleep(seconds)
  waiter.wakes, waiter.asleep = self.env.now(), false
  if not waiter.permit then enqueue(self, waiter) end -- it may have been overdue
  return stopped
end

-- Removes a call that fails, and gives back a permit that it was granted meanwhile.
local function dequeue(self, waiter)
  self.queue[waiter.index] = nil
  local unused = waiter.permit
  if not unused then return run_queue(self) end
  if unused.request then self.requests:correct(unused.request, -1, self.env.now()) end
  unused:correct(0)
  unused:release()
end

-- Counts a permit from now on rather than from its grant, since the request is sent now.
local function start_permit(granted, now)
  if granted.request then granted.request.at = now end
  if granted.tokens then granted.tokens.at = now end
  return granted
end

--- Waits for a permit: a slot, a request and its tokens. The queue is first in, first out.
--- Fails with the kinds queue_full, rate_limited_local (reasons: "tokens", more than fit into a
--- minute; "paused", for longer than max_pause), timeout (reason "deadline") and cancelled, or with
--- what `sleep` returned.
---@param what table|integer|nil a chat request, or how many tokens
---@param env novita.WaitEnv
---@return novita.Permit?
---@return any err
function methods:acquire(what, env)
  if type(env) ~= "table" or not env.sleep then
    misuse.expected("limiter:acquire", "a table with sleep behind what is to be sent", env)
  end
  local estimate, prompt, err = failure.estimate(self, what)
  err = err or failure.abort_reason(self, env)
  if err then return nil, err end
  local waiter = {
    index = self.last + 1, wakes = self.env.now(), env = env, task = env.task and env.task(),
    estimate = estimate, prompt = prompt,
  }
  enqueue(self, waiter)
  run_queue(self)
  if not waiter.permit then err = ask(self, waiter) end
  if not (waiter.permit or err) then err = failure.queue_full(self) end
  while not (waiter.permit or err) do
    err = sleep_turn(self, waiter) or failure.abort_reason(self, env) or ask(self, waiter)
    run_queue(self)
  end
  if not err then return start_permit(waiter.permit, self.env.now()) end
  dequeue(self, waiter)
  return nil, err
end

--- Grants permits from the front of the queue, as many as the limits allow.
function methods:serve()
  run_queue(self)
end

--- Pauses all calls: none starts for some seconds.
---@param seconds number
function methods:pause(seconds)
  local problem = rule.problem(seconds, RULES.max_pause)
  if problem then misuse.raise("limiter:pause: " .. problem) end
  self.throttle:pause(seconds)
end

--- Records a 429 of a call without a permit, which began before this limiter was made.
---@param err any
---@param policy novita.RetryPolicy of the call
---@param waits integer number of waits before this one
---@param busy integer such calls in flight, including this one
---@return number seconds how long this call waits, apart from the pause
function methods:refused(err, policy, waits, busy)
  local first = self.throttle.count == 0
  local seconds = self.throttle:on_refusal({ pause = 0 }, err, policy, waits)
  if first then self.throttle.before = busy end
  return seconds
end

--- Returns how long the pause of all calls still lasts.
---@return number seconds 0 without one
function methods:rest()
  return self.throttle:rest()
end

misuse.guard("limiter", mt)

return limit
