--- Waits of tasks, and of the code outside of them, for a transfer of the pool.

local core = require("novita.core")
local each = require("novita.compat").each
local misuse = require("novita.misuse")
local resuming = require("novita.loop.resuming")
local tasks = require("novita.loop.tasks")
local timers = require("novita.loop.timers")

local add_timer = resuming.add_timer

local MOST_SPARES = 64 -- waiters that are kept

local transfers = {
  SLICE = 0.1, -- seconds; a signal that comes just before a poll is noticed after it
}

-- Runs the loop until the waiter is ready; cancels the transfer if Ctrl-C interrupts that.
local function block(state, waiter)
  local ok, err = pcall(state.host.block, waiter)
  if ok then return end
  if waiter.list[waiter.slot] == waiter then waiter.list[waiter.slot] = nil end
  timers.clear(state.timers, waiter)
  waiter.transfer:cancel()
  error(err, 0)
end

-- Is there no task and no timer, so that only the running code can have work to do?
local function is_alone(state)
  return state.alive == 0 and not state.timers[1]
end

-- Polls for this transfer; news of others stay with the pool. Returns whether it has news: not when
-- a finalizer or a hook has started a task meanwhile.
local function poll_alone(state, transfer)
  local _, news
  repeat
    _, news = state.pool:poll(transfers.SLICE, transfer)
  until news or not is_alone(state)
  return news
end

-- The direct way of a program without tasks: polls the pool and makes no waiter. An error is
-- Ctrl-C. Returns whether the transfer has news.
local function wait_alone(state, transfer)
  local ok, news = pcall(poll_alone, state, transfer)
  if ok then return news end
  transfer:cancel()
  error(news, 0)
end

-- Does this waiter wait for the transfer? An error may have ended its task meanwhile.
local function is_waited_for(state, waiter, transfer)
  if not waiter or waiter.transfer ~= transfer then return false end
  local task = waiter.task
  return not task or not task.done and task ~= state.running and task.waiter == waiter
end

-- Returns a waiter for the transfer: one that was used before, or a new one. A stream waits for
-- each chunk.
local function new_waiter(state, transfer, list, slot)
  local waiter = table.remove(state.spares)
  if not waiter then
    return {
      transfer = transfer, list = list, slot = slot, ready = false, news = false, task = nil,
    }
  end
  waiter.transfer, waiter.list, waiter.slot = transfer, list, slot
  waiter.ready, waiter.news, waiter.task = false, false, nil
  return waiter
end

-- Keeps a waiter for the next wait.
local function spare(state, waiter)
  waiter.transfer = nil
  if #state.spares < MOST_SPARES then table.insert(state.spares, waiter) end
end

--- Waits until a transfer has news. Its owner has looked just before, so none is missed.
---@param state novita.SchedulerState
---@param transfer novita.Transfer
---@param seconds? number at most so long
---@return boolean news false when the time was up first
function transfers.wait(state, transfer, seconds)
  if state.host.polls and not seconds and is_alone(state) and wait_alone(state, transfer) then
    return true
  end
  local waiting, slot = state.waiting, transfer:slot()
  if not slot then return true end
  if is_waited_for(state, waiting[slot], transfer) then
    misuse.raise("another task is waiting for this answer already")
  end
  if state.running and state.running.cancelled then -- while it waited for nothing
    transfer:cancel()
    return true
  end
  local waiter = new_waiter(state, transfer, waiting, slot)
  waiting[slot] = waiter
  if seconds then add_timer(state, core.now() + seconds, waiter) end
  if transfer:news() then -- came after its owner looked, while other code ran
    waiter.ready, waiter.news = true, true
  end
  tasks.park(state, waiter, block)
  if waiting[slot] == waiter then waiting[slot] = nil end -- else the slot has another transfer now
  if waiter.timer then timers.clear(state.timers, waiter) end
  local news = waiter.news
  spare(state, waiter)
  return news
end

--- Readies all waiters of a pool that was closed, or belongs to the process that forked this one:
--- their transfers return an error.
---@param state novita.SchedulerState
function transfers.lose_pool(state)
  for _, waiter in each(state.waiting) do table.insert(state.ready, waiter) end
  state.waiting = setmetatable({}, { __mode = "v" })
end

return transfers
