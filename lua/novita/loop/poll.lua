--- The loop of scripts: waits by polling, in slices short enough for Ctrl-C. Code outside a task
--- blocks, and the tasks go on meanwhile; see tasks.lua.

local tasks = require("novita.loop.tasks")

local SLICE = 0.1 -- seconds; a signal that comes just before a poll is noticed after it

local poll

local function block(waiter)
  local pool, seconds = poll.pool(), poll.due()
  while not waiter.ready do
    pool:poll(math.max(0, math.min(seconds or SLICE, SLICE)))
    seconds = poll.turn()
  end
end

poll = tasks.new { block = block }

return poll
