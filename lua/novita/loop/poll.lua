--- The loop of scripts: waits by polling, in slices short enough for Ctrl-C. Code outside a task
--- blocks, and the tasks go on meanwhile; see tasks.lua.

local tasks = require("novita.loop.tasks")

local SLICE = 0.1 -- seconds; a signal that comes just before a poll is noticed after it

local poll

local function block(waiter)
  local pool = poll.pool() -- before the first turn: the one of before a fork is of no use
  while not waiter.ready do
    local seconds = poll.turn() or SLICE
    if waiter.ready then return end
    pool:poll(math.max(0, math.min(seconds, SLICE)))
  end
end

poll = tasks.new { block = block }

return poll
