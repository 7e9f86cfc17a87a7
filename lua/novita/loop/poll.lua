--- The loop of scripts: waits by polling, in slices short enough for Ctrl-C.
---
--- The five functions that every loop offers (now, sleep, wait, spawn, current) and its pool, so
--- that a call can be written once as straight-line code. A task is a coroutine of spawn's; what it
--- waits for, it waits for together with all the others. Code outside a task blocks, and the tasks
--- go on meanwhile.

local core = require("novita.core")

local SLICE = 0.1 -- seconds; a signal that comes just before a poll is noticed after it

local poll = { now = core.now }

local pool

--- The connections of this process; a child made by fork gets its own.
function poll.pool()
  if not (pool and pool:usable()) then pool = core.pool() end
  return pool
end

--- Is this code in a task, that is, does waiting let others run?
---@return boolean
function poll.current()
  return false
end

-- Runs fn in slices until it says that it is done, or the time is up.
local function block(done, till)
  local current = poll.pool()
  while not done() do
    local left = till - core.now()
    if left <= 0 then return false end
    current:poll(left < SLICE and left or SLICE)
  end
  return true
end

--- Waits so long.
---@param seconds number
function poll.sleep(seconds)
  block(function() return false end, core.now() + seconds)
end

--- Waits until a transfer has something new. Its owner has looked just before, so nothing that
--- came earlier is missed.
---@param transfer novita.Transfer
---@param seconds? number at most so long
---@return boolean news false when the time was up first
function poll.wait(transfer, seconds)
  local current, found = poll.pool(), false
  local ok, result = pcall(block, function()
    local ready = current:ready()
    while ready do
      found = found or ready == transfer
      ready = current:ready()
    end
    return found
  end, seconds and core.now() + seconds or math.huge)
  if ok then return result end
  transfer:cancel() -- Ctrl-C: the answer is not wanted any more
  error(result, 0)
end

return poll
