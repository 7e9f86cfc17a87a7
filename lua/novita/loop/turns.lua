--- The turns of a loop: each wakes the waiters whose timers have expired or whose
--- transfers have news.

local core = require("novita.core")
local recovery = require("novita.loop.recovery")
local resuming = require("novita.loop.resuming")
local timers = require("novita.loop.timers")

local turns = {}

-- Wakes the waiters of the timers that have expired, until the time slice is used up.
local function run_timers(state, till)
  local list = state.timers
  if not list[1] then return end
  local now = core.now()
  local timer = timers.expired(list, now)
  while timer do
    local waiter = timer.waiter
    local waits = not waiter.ready
    waiter.ready = true
    timers.remove(list, timer)
    if waits then resuming.continue(waiter) end
    if core.now() > till then return end
    timer = timers.expired(list, now)
  end
end

-- Wakes the waiters that are ready, until the time slice is used up; the next turn begins with the
-- others. Returns whether none is left.
local function run_ready(state, till)
  local ready, first = state.ready, 1
  while ready[first] and core.now() <= till do
    local waiter = ready[first]
    waiter.news = true
    resuming.wake(waiter)
    first = first + 1
  end
  local left = {}
  for index = first, #ready do left[#left + 1] = ready[index] end
  if state.ready == ready then state.ready = left end -- else a turn inside of this one has done so
  return not state.ready[1]
end

-- Does the same for the waiters left by the last turn, then for those whose transfers have news:
-- the descriptor of the pool signals these only once.
local function run_transfers(state, till)
  if state.ready[1] and not run_ready(state, till) then return false end
  if state.pool and state.pool:usable() then
    for _, slot in state.pool.ready, state.pool do
      state.ready[#state.ready + 1] = state.waiting[slot]
    end
  end
  return not state.ready[1] or run_ready(state, till)
end

--- Returns the seconds until there is work: 0 for a ready waiter, else until the next timer, or
--- nil.
---@param state novita.SchedulerState
---@return number?
function turns.due(state)
  if state.ready[1] then return 0 end
  local list = state.timers
  return list[1] and list[#list].at - core.now()
end

local function run(state, seconds)
  local till = seconds and core.now() + seconds or math.huge
  local before = state.till
  state.till = till
  run_timers(state, till)
  local all = run_transfers(state, till)
  run_timers(state, till)
  state.till = before
  if not all then return 0 end
  return turns.due(state)
end

--- Wakes every ready waiter, for at most so many seconds. Returns the seconds until there may be
--- more work, or nil.
---@param state novita.SchedulerState
---@param seconds? number
---@return number?
function turns.run(state, seconds)
  return recovery.guard(state, run, seconds)
end

return turns
