--- The errors of limiter:acquire.

local each = require("novita.compat").each
local estimator = require("novita.limit.estimator")

local failure = {}

--- Returns the token estimate of a call and that of its prompt, or an error if it is beyond the
--- limit.
---@param self novita.Limiter
---@param what table|integer|nil a chat request, or how many tokens
---@return integer? estimate nil on failure
---@return integer? prompt
---@return any err
function failure.estimate(self, what)
  if not self.tokens then return 0, 0 end
  local estimate, prompt = what or 0, what or 0
  if type(what) == "table" then estimate, prompt = estimator.estimate(what) end
  if estimate <= self.tokens.limit then return estimate, prompt end
  return nil, nil, self.env.error {
    kind = "rate_limited_local", reason = "tokens",
    message = ("the call may use %.0f tokens, more than the limit of %d a minute")
      :format(estimate, self.tokens.limit),
  }
end

--- Returns the error that ends the wait of a call, or nil.
---@param self novita.Limiter
---@param env novita.WaitEnv
---@return any
function failure.abort_reason(self, env)
  self.throttle:update()
  local now, make, resume = self.env.now(), self.env.error, self.throttle.resume
  if env.cancelled and env.cancelled() then
    return make { kind = "cancelled", message = "cancelled while waiting for a slot" }
  elseif env.deadline and math.max(now, resume) >= env.deadline then
    local message = "the deadline expires before a slot is free"
    return make { kind = "timeout", reason = "deadline", message = message }
  elseif resume > now + self.max_pause then
    return make {
      kind = "rate_limited_local", reason = "paused", retry_after = resume - now,
      message = ("all calls pause for %.0f s, longer than max_pause, which is %.0f s")
        :format(resume - now, self.max_pause),
    }
  end
end

--- Returns the error of a call that finds the queue full, or nil.
---@param self novita.Limiter
---@return any
function failure.queue_full(self)
  if self.last - self.first < self.max_queue then return nil end
  local waiting = 0 -- the queue has gaps
  for _ in each(self.queue) do waiting = waiting + 1 end
  if waiting <= self.max_queue then return nil end
  local message = ("the queue is full: %d calls are waiting"):format(self.max_queue)
  return self.env.error { kind = "queue_full", message = message }
end

return failure
