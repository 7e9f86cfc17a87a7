--- Requests a minute, tokens a minute, calls at once: kept by every call that shares the limiter.
--
--     local ticket, err = limiter:acquire(request, env)   -- waits for its turn
--     local reply, failure = ...                          -- one attempt
--     ticket:finish(reply, failure)                       -- whatever came of it
--
-- Its parts: budget.lua keeps the rates, so that no server that counts the same minute refuses;
-- tokens.lua guesses what a call will use; cooldown.lua counts the calls under way and pauses them
-- all after one 429; ticket.lua is a turn, from its grant to its end. Here is the queue.
--
-- Turns go first come, first served: only the front of the queue is let in, by whoever looks first,
-- and a call that asks for much is not overtaken by small ones.
--
-- Waiting needs only env.sleep: then one looks around every 5 to 100 ms, less often farther back.
-- With env.task and env.wake too one sleeps until woken. A coroutine may be dropped meanwhile, as
-- nginx does with a request's: then its place passes on when it has not looked around for OVERDUE
-- seconds (if it does after all, it gets it back), and its ticket's slot when that is collected.

local budget = require "novita.budget"
local cooldown = require "novita.cooldown"
local options = require "novita.options"
local ticket = require "novita.ticket"
local tokens = require "novita.tokens"

local limit = { estimate = tokens.estimate, is_refusal = cooldown.is_refusal }

local SHORT_NAP, LONG_NAP, HEARTBEAT, OVERDUE = 0.005, 0.1, 1, 5 -- seconds

local RULES = {
  rpm = options.integer(1),
  tpm = options.integer(1),
  concurrency = options.integer(1),
  queue = options.integer(0),
  burst = options.number(0, 60),
  max_pause = options.number(0),
}

---@class novita.Limiter
local Limiter = {}
local limiter_meta = { __index = Limiter, __name = "novita.limiter" }

---@class novita.LimitOptions
---@field rpm integer? requests a minute
---@field tpm integer? tokens a minute
---@field concurrency integer? calls at once
---@field queue integer? calls that may wait; default 10000
---@field burst number? seconds' worth of rpm and tpm that may go at once; default 10
---@field max_pause number? where a pause lasts longer, calls fail rather than wait; default 120

---@class novita.LimitEnv
---@field now fun(): number  monotonic seconds
---@field time fun(): number  seconds since 1970
---@field random fun(): number  uniform in [0, 1)
---@field error fun(fields: table): any  makes an error value

---@class novita.WaitEnv
---@field sleep fun(seconds: number): any, any  a second value, the error, when it was cancelled
---@field deadline number? on the clock of `now`
---@field cancelled nil|fun(): boolean  asked every 0.1 s; not needed where sleep tells
---@field task nil|fun(): any  names the running task
---@field wake nil|fun(task: any)  lets its sleep end soon; must not run it at once

--- A limiter over its parts, which shared.lua makes in another way.
---@param parts { requests: novita.Budget?, tokens: novita.Budget?, cooldown: novita.Cooldown }
---@param given novita.LimitOptions
---@param env novita.LimitEnv
---@return novita.Limiter
function limit.over(parts, given, env)
  return setmetatable({
    env = env,
    requests = parts.requests, tokens = parts.tokens, cooldown = parts.cooldown,
    experience = tokens.experience(),
    concurrency = given.concurrency or math.huge,
    max_queue = given.queue or 10000, queue = {}, first = 1, last = 0,
    max_pause = given.max_pause or 120,
  }, limiter_meta)
end

--- A limiter. Without rpm, tpm and concurrency it is only the shared pause after a 429.
---@param given novita.LimitOptions
---@param env novita.LimitEnv
---@return novita.Limiter
function limit.new(given, env)
  options.check("limit", given, RULES)
  local burst = given.burst or 10
  return limit.over({
    requests = given.rpm and budget.new(given.rpm, burst),
    tokens = given.tpm and budget.new(given.tpm, burst),
    cooldown = cooldown.new(env),
  }, given, env)
end

-- Seconds until the front of the queue may go, or math.huge where that is another call's to say.
local function hold(self, waiter, now)
  self.cooldown:look()
  if now < self.cooldown.resume then return self.cooldown.resume - now end
  if self.cooldown.busy >= self.concurrency then return math.huge end
  if not self.cooldown:has_room() then return LONG_NAP end
  local wait = self.requests and self.requests:wait(1, now) or 0
  if not self.tokens then return wait end
  local expected = self.experience:expect(waiter.estimate, self.cooldown.busy)
  waiter.tokens = math.min(expected, self.tokens.limit)
  return math.max(wait, self.tokens:wait(waiter.tokens, now))
end

-- Takes what the call needs: all of it, or nothing and false where another process was faster.
local function take(self, waiter, now)
  local request = self.requests and self.requests:take(1, now)
  if self.requests and not request then return false end
  local spent = self.tokens and self.tokens:take(waiter.tokens, now)
  if spent or not self.tokens then return true, request, spent end
  if request then self.requests:correct(request, -1, now) end
  return false
end

local function grant(self, waiter, now)
  local taken, request, spent = take(self, waiter, now)
  if not taken then return false end
  waiter.ticket = ticket.new {
    limiter = self, call = self.cooldown:start(), request = request, tokens = spent,
    estimate = waiter.estimate, prompt = waiter.prompt, counted = waiter.tokens,
  }
  return true
end

local function rouse(waiter, at)
  if waiter.asleep and at < waiter.wakes and waiter.env.wake then waiter.env.wake(waiter.task) end
end

-- Lets in as many from the front as may go now, and wakes whom that concerns.
local function serve(self)
  local now = self.env.now()
  while self.first <= self.last do
    local waiter = self.queue[self.first]
    if waiter and now < waiter.wakes + OVERDUE then -- has it not left, nor been dropped?
      local wait = hold(self, waiter, now)
      rouse(waiter, now + wait)
      if wait > 0 or not grant(self, waiter, now) then return end
    end
    self.queue[self.first] = nil
    self.first = self.first + 1
  end
end

-- What is to be asked for, or an error where it can never be had.
local function measure(self, what)
  if not self.tokens then return 0, 0 end
  local estimate, prompt = what or 0, what or 0
  if type(what) == "table" then estimate, prompt = tokens.estimate(what) end
  if estimate <= self.tokens.limit then return estimate, prompt end
  return nil, nil, self.env.error {
    kind = "rate_limited_local", reason = "tokens",
    message = ("the call may use %.0f tokens, more than the limit of %d a minute")
      :format(estimate, self.tokens.limit),
  }
end

-- Why a call may not wait, or not any longer: an error, or nil.
local function quit(self, env)
  self.cooldown:look()
  local now, make, resume = self.env.now(), self.env.error, self.cooldown.resume
  if env.cancelled and env.cancelled() then
    return make { kind = "cancelled", message = "cancelled while waiting for its turn" }
  elseif env.deadline and math.max(now, resume) >= env.deadline then
    local message = "the call's turn does not come before its deadline"
    return make { kind = "timeout", reason = "deadline", message = message }
  elseif resume > now + self.max_pause then
    return make {
      kind = "rate_limited_local", reason = "paused", retry_after = resume - now,
      message = ("all calls are to pause for %.0f s, and %.0f s is the most they wait")
        :format(resume - now, self.max_pause),
    }
  end
end

local function queue_full(self)
  if self.last - self.first < self.max_queue then return nil end
  local waiting = 0 -- the difference above has gaps in it
  for _ in pairs(self.queue) do waiting = waiting + 1 end
  if waiting <= self.max_queue then return nil end
  local message = ("%d calls wait for their turn already"):format(self.max_queue)
  return self.env.error { kind = "queue_full", message = message }
end

local function join(self, waiter)
  self.queue[waiter.index] = waiter
  self.first = math.min(self.first, waiter.index)
  self.last = math.max(self.last, waiter.index)
end

-- Sleeps until it is worth looking again; returns the error of a sleep that was cancelled.
local function doze(self, waiter)
  local env, now = waiter.env, self.env.now()
  local place = waiter.index - self.first
  local longest = env.wake and not env.cancelled and HEARTBEAT or LONG_NAP
  local seconds = env.wake and longest or SHORT_NAP * math.max(place, 1)
  local known = place == 0 and hold(self, waiter, now) or math.huge
  if known < math.huge then seconds = known end
  if env.deadline then longest = math.min(longest, env.deadline - now) end
  seconds = math.max(math.min(seconds, longest), 0.001)
  waiter.wakes, waiter.asleep = now + seconds, true
  local _, stopped = env.sleep(seconds)
  waiter.wakes, waiter.asleep = self.env.now(), false
  if not waiter.ticket then join(self, waiter) end -- it may have been overdue
  return stopped
end

-- Ends the wait of one that will not go. What it was granted meanwhile was never used.
local function leave(self, waiter)
  self.queue[waiter.index] = nil
  local unused = waiter.ticket
  if not unused then return serve(self) end
  if unused.request then self.requests:correct(unused.request, -1, self.env.now()) end
  unused:correct(0)
  unused:release()
end

-- The turn begins now, even if it was granted a nap ago: what is sent later is counted later.
local function begin(turn, now)
  if turn.request then turn.request.at = now end
  if turn.tokens then turn.tokens.at = now end
  return turn
end

--- Waits for a turn: a slot, a request and its tokens. The queue's order is kept.
--- Fails with the kinds queue_full, rate_limited_local (reasons: "tokens", more than fit into a
--- minute; "paused", for longer than max_pause), timeout (reason "deadline") and cancelled, or with
--- what `sleep` returned.
---@param what table|integer|nil a chat request, or how many tokens
---@param env novita.WaitEnv
---@return novita.Ticket?
---@return any err
function Limiter:acquire(what, env)
  local estimate, prompt, err = measure(self, what)
  err = err or quit(self, env)
  if err then return nil, err end
  local waiter = {
    index = self.last + 1, wakes = self.env.now(), env = env, task = env.task and env.task(),
    estimate = estimate, prompt = prompt,
  }
  join(self, waiter)
  serve(self)
  if not waiter.ticket then err = queue_full(self) end
  while not (waiter.ticket or err) do
    err = doze(self, waiter) or quit(self, env)
    serve(self)
  end
  if not err then return begin(waiter.ticket, self.env.now()) end
  leave(self, waiter)
  return nil, err
end

--- Lets those in who may go now.
function Limiter:serve()
  serve(self)
end

--- Lets nobody start for some seconds.
---@param seconds number
function Limiter:pause(seconds)
  self.cooldown:pause(seconds)
end

--- A call without a ticket, which began before there was this limiter, was answered by 429.
---@param err any
---@param busy integer such calls under way, this one too
function Limiter:refused(err, busy)
  local first = self.cooldown.count == 0
  self.cooldown:refused({ pause = 0 }, err)
  if first then self.cooldown.before = busy end
end

return limit
