--- A loop that resumes its tasks itself: what the loops of scripts and of libuv share.
---
--- scheduler.new makes the functions of novita.Loop. The host adds how code outside of tasks blocks
--- and who calls turn() when there is work.

local core = require("novita.core")
local resuming = require("novita.loop.resuming")
local tasks = require("novita.loop.tasks")
local transfers = require("novita.loop.transfers")
local turns = require("novita.loop.turns")

local scheduler = { SLICE = transfers.SLICE }

---@class novita.SchedulerState
---@field host novita.SchedulerHost
---@field waiting table<integer, table> waiters by the slots of their transfers; weak, as an error
---  may have ended their tasks
---@field ready table[] waiters to be woken at the next turn, as for news
---@field timers table[] see timers.lua
---@field failed novita.Task[] whose errors no join() has returned
---@field tasks table<novita.Task, true> that have not ended
---@field alive integer how many these are
---@field running novita.Task?
---@field runner table? the waiter of run()
---@field spares table[] waiters for transfers that are not used any more
---@field till number? when the turn that runs has used up its time slice
---@field pool novita.Pool?
---@field broken { err: any }? set while an error in the scheduler has left something undone

local function get_pool(state)
  if state.pool and state.pool:usable() then return state.pool end
  if state.pool then transfers.lose_pool(state) end
  local pool, err = core.pool()
  if not pool then return nil, err end
  local host = state.host
  if host.on_pool then host.on_pool(pool) end
  state.pool = pool
  if state.ready[1] and host.on_timer then host.on_timer(core.now()) end
  return pool
end

---@class novita.SchedulerHost
---@field polls? boolean true if wait() may poll the pool in place of block()
---@field block fun(waiter: table) runs the loop until waiter.ready
---@field on_pool? fun(pool: novita.Pool) called when a pool was made
---@field on_timer? fun(at: number) called when turn() is due earlier than all times before
---@field on_alive? fun(alive: boolean) called when the first task starts and when the last one
---  ends; may be called again for the same
---@field on_failure? fun(task: novita.Task) called when a task raised an error outside of run()
---@field defers? fun(): boolean returns true if a new task must not run right now
---@field breathes? boolean true if a task has to yield from time to time

--- Makes a loop.
---@param host novita.SchedulerHost
---@return novita.Loop loop
function scheduler.new(host)
  local state = {
    host = host, waiting = setmetatable({}, { __mode = "v" }), ready = {}, timers = {}, failed = {},
    tasks = {}, alive = 0, spares = {},
  }
  local loop = {
    now = core.now,
    pool = function() return get_pool(state) end,
    current = function() return state.running end,
    sleep = function(seconds) return tasks.sleep(state, seconds) end,
    wait = function(transfer, seconds) return transfers.wait(state, transfer, seconds) end,
    spawn = function(fn) return tasks.spawn(state, fn) end,
    run = function() return tasks.run(state) end,
    breathe = host.breathes and function() return tasks.breathe(state) end or nil,
  }

  function loop.wake(task)
    local waiter = task and task.waiter
    if waiter and not waiter.transfer then resuming.wake_soon(state, waiter) end
  end

  --- Wakes every waiter that is ready, without waiting.
  ---@param seconds? number the time slice
  ---@return number? seconds until the next timer, 0 when there is more to do, nil for nothing
  function loop.turn(seconds) return turns.run(state, seconds) end

  --- Returns when turn() has work to do.
  ---@return number? seconds from now, or nil for never
  function loop.due() return turns.due(state) end

  return loop
end

return scheduler
