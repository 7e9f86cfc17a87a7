--- The progress of a batch: counts, the rate of the last seconds, the time that is left.

local core = require("novita.core")

local progress = {}

local INTERVAL = 0.1 -- seconds between two calls of on_progress
local WINDOW = 20 -- seconds over which the rate is an average

---@class novita.BatchProgress
---@field total integer rows of the input
---@field done integer answered; those that earlier runs have paid for too
---@field failed integer
---@field waiting integer
---@field active integer calls in flight
---@field tokens integer used by this run
---@field usd? number spent by this run; nil where a price is not known
---@field seconds number since the run began
---@field rate number rows a second, over the last seconds
---@field seconds_left? number nil as long as nothing is known

---@class novita.BatchProgressState
local methods = {}
local mt = { __name = "novita.batch.progress", __index = methods }

local function add_usage(usage, outcome)
  local prompt, completion = outcome.prompt_tokens or 0, outcome.completion_tokens or 0
  usage.prompt_tokens = usage.prompt_tokens + prompt
  usage.completion_tokens = usage.completion_tokens + completion
  usage.total_tokens = usage.total_tokens + prompt + completion
end

--- A call has ended.
---@param outcome novita.BatchOutcome
function methods:count(outcome)
  local status = self.status
  status.active = status.active - 1
  add_usage(self.usage, outcome)
  status.tokens = self.usage.total_tokens
  local is_priced = outcome.usd or not outcome.prompt_tokens
  status.usd = is_priced and status.usd and status.usd + (outcome.usd or 0) or nil
  if outcome.state ~= "done" and outcome.state ~= "failed" then return end
  status.waiting = status.waiting - 1
  status[outcome.state] = status[outcome.state] + 1
  self.ended = self.ended + 1
end

-- The average forgets what is older than the window by degrees.
local function update_rate(self, now)
  local seconds, ended = now - self.at, self.ended - self.counted
  local total = math.min(now - self.started, WINDOW)
  local weight = total > 0 and math.min(seconds / total, 1) or 1
  local status = self.status
  status.rate = status.rate + weight * (ended / math.max(seconds, 1e-6) - status.rate)
  self.at, self.counted = now, self.ended
  status.seconds = now - self.started
  status.seconds_left = status.rate > 0 and status.waiting / status.rate or nil
end

--- Calls the user's function with the progress, at most ten times a second.
---@param last? boolean true: in any case
function methods:report(last)
  local now = core.now()
  if not last and now - self.at < INTERVAL then return end
  update_rate(self, now)
  if self.on_progress then self.on_progress(self.status) end
end

--- Begins to count.
---@param counts { total: integer, done: integer, failed: integer, waiting: integer }
---@param on_progress? fun(status: novita.BatchProgress)
---@return novita.BatchProgressState
function progress.new(counts, on_progress)
  local now = core.now()
  return setmetatable({
    on_progress = on_progress, started = now, at = now, ended = 0, counted = 0,
    usage = { prompt_tokens = 0, completion_tokens = 0, total_tokens = 0 },
    status = {
      total = counts.total, done = counts.done, failed = counts.failed, waiting = counts.waiting,
      active = 0, tokens = 0, usd = 0, seconds = 0, rate = 0,
    },
  }, mt)
end

return progress
