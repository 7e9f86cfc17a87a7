--- Makes the calls of a batch. A coordinating task turns the results of ended calls and the claims
--- of the next ones into one transaction a turn of the loop; each call is a task of its own.
---
--- A call is sent only after its claim is committed. The coordinator is never cancelled: who is
--- cancelled, or interrupted, asks it to stop, and it writes down what it has.

local compat = require("novita.compat")
local core = require("novita.core")
local outcome = require("novita.batch.outcome")
local prepared = require("novita.call.prepared")

local guarded = require("novita.call.settings").guarded

local runner = {}

local SLICE = 0.2 -- seconds between two looks at interrupts
local FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1 -- seconds between two tries to save answers
local STORE_TIMEOUT = 10 -- seconds for which answers that can't be saved are tried again

---@class novita.BatchRun
---@field settings novita.Settings of its calls
---@field path? string of the endpoint; nil for chats
---@field loop novita.Loop
---@field claims novita.BatchClaims
---@field budget novita.BatchBudget
---@field progress novita.BatchProgressState
---@field fields table of the batch: abort_on, check, max_failures
---@field request_of fun(claim: novita.BatchClaim): string?, novita.Error? the bytes to send
---@field price_of fun(model: string?): table?
---@field concurrency integer
---@field unsaved novita.BatchOutcome[] what came of calls and is not in the store yet
---@field interrupts? { count: fun(): integer }
---@field pending? boolean have other processes calls in flight, which may come back?
---@field active integer calls in flight
---@field calls table<novita.Task, true>
---@field stopped? string why no more rows are taken
---@field err? novita.Error what stopped it
---@field store_err? novita.Error the last one of the store
---@field raised? { [1]: any } what a function of the user's raised

local function wake(run)
  if not run.asleep then return end
  run.asleep = false
  run.loop.wake(run.coordinator)
end

-- No more rows are taken; calls in flight go on. The first reason counts.
local function stop(run, reason, err)
  if run.stopped then return end
  run.stopped, run.err = reason, err
end

-- Calls in flight are broken off.
local function abandon(run)
  stop(run, "interrupted")
  if run.abandoned then return end
  run.abandoned = true
  for task in compat.each(run.calls) do task:cancel() end
end

local function raise_later(run, problem)
  run.raised = run.raised or { problem == nil and "a function of the batch raised nil" or problem }
  stop(run, "raised")
end

-- Calls ------------------------------------------------------------------------------------------

-- The settings of a call. One that others may claim asks before each attempt whether it is still
-- its own.
local function settings_of(run, claim)
  if not run.claims.refusal then return run.settings end
  return guarded(run.settings, function() return run.claims:refusal(claim) end)
end

local function send(run, claim)
  local body, err = run.request_of(claim)
  if not body then return nil, err end
  return prepared.send(body, settings_of(run, claim), run.path)
end

-- The error of a call in which a function of the user's raised, such as its log.
local function raised_error(problem)
  return core.error { kind = "callback_error", message = outcome.text(problem) }
end

local function perform(run, claim)
  local ok, reply, info = compat.pcall(send, run, claim)
  if not ok then
    raise_later(run, reply)
    reply, info = nil, raised_error(reply)
  end
  local result = outcome.of(claim, reply, info, run.fields, run.price_of(claim.model))
  if result.problem ~= nil then raise_later(run, result.problem) end
  if result.abort then stop(run, result.abort, info) end
  run.unsaved[#run.unsaved + 1] = result
  run.active = run.active - 1
  run.budget:settle(claim, result)
  run.progress:count(result)
  wake(run)
end

local function start(run, claim)
  run.active = run.active + 1
  run.progress.status.active = run.active
  run.budget:reserve(claim)
  local task
  task = run.loop.spawn(function()
    perform(run, claim)
    if task then run.calls[task] = nil end
  end)
  if not task.done then run.calls[task] = true end
end

-- Turns ------------------------------------------------------------------------------------------

local function wanted(run)
  if run.stopped then return 0 end
  return math.max(run.concurrency - run.active, 0)
end

-- Writes what has ended, takes what comes next. On failure nothing is lost: the results are kept.
local function turn(run)
  local count, ended = wanted(run), run.unsaved
  local claimed, err = run.claims:renew()
  if claimed and count == 0 and not ended[1] then return true end
  run.unsaved = {}
  if claimed then
    claimed, err = run.claims:turn(ended, count, function(list) return run.budget:fit(list) end)
  end
  if not claimed then
    for _, result in ipairs(run.unsaved) do ended[#ended + 1] = result end
    run.unsaved, run.store_err = ended, err
    stop(run, "store", err)
    return false, err
  end
  for _, claim in ipairs(claimed) do start(run, claim) end
  run.pending = claimed.pending
  if count > 0 and run.active == 0 and not claimed[1] and not claimed.pending then
    stop(run, claimed.more and "budget" or "done")
  end
  return true
end

-- Looks at what is outside of calls: signals, failures, a task that is cancelled.
local function observe(run)
  local signals = run.interrupts and run.interrupts:count() or 0
  if signals > 0 or run.cancelled then stop(run, "interrupted") end
  if signals > 1 or run.cancelled then abandon(run) end
  local most, status = run.fields.max_failures, run.progress.status
  if most and status.failed - run.failed_before > (most < 1 and most * status.total or most) then
    stop(run, "failures")
  end
end

local function report(run, last)
  local ok, problem = compat.pcall(run.progress.report, run.progress, last)
  if not ok then raise_later(run, problem) end
end

local function rest(run, seconds)
  run.asleep = true
  run.loop.sleep(seconds)
  run.asleep = false
end

-- Tries to save what a store has refused, for some time.
local function save_rest(run)
  local till = core.now() + (run.fields.store_timeout or STORE_TIMEOUT)
  local pause = FIRST_PAUSE
  while not turn(run) and core.now() < till do
    if run.interrupts and run.interrupts:count() > 1 or run.cancelled then return end
    run.loop.sleep(pause)
    pause = math.min(2 * pause, LONGEST_PAUSE)
  end
end

local function coordinate(run)
  repeat
    observe(run)
    local saved = turn(run)
    report(run)
    local more = saved and run.unsaved[1] -- it came while the store waited
    if (run.active > 0 or run.pending and not run.stopped) and not more then rest(run, SLICE) end
  until run.stopped and run.active == 0
  save_rest(run)
  report(run, true)
end

-- Waits for the coordinator. When this code is cancelled or interrupted, so are the calls.
local function wait_for(run, task)
  local joined, ok, err = compat.pcall(task.join, task)
  if joined and task.done then return ok, err end
  local problem = ok
  run.cancelled = true
  observe(run)
  wake(run)
  ok, err = task:join()
  if not joined then error(problem, 0) end
  return ok, err
end

--- Makes the calls of a batch until there is none left, or something stops it: run.stopped says
--- what, run.err why. Raises what a function of the user's has raised, once all is written down.
---@param run novita.BatchRun
function runner.run(run)
  local current = run.loop.current()
  run.active, run.calls, run.cancelled = 0, {}, current and current.cancelled
  run.failed_before = run.progress.status.failed
  local task = run.loop.spawn(function()
    run.coordinator = run.loop.current()
    coordinate(run)
  end)
  local ok, err = wait_for(run, task)
  if not ok then error(err, 0) end
  if run.raised then error(run.raised[1], 0) end
end

return runner
