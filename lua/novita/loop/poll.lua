--- The loop of scripts: waits by polling, in slices short enough for Ctrl-C. Code outside of tasks
--- blocks and runs the tasks meanwhile; see scheduler.lua.

local scheduler = require("novita.loop.scheduler")

local SLICE = scheduler.SLICE

local poll ---@type novita.Loop

local function block(waiter)
  while not waiter.ready do
    local pool, err = poll.pool() -- a new one when the last was closed meanwhile
    local seconds = math.max(0, math.min(poll.due() or SLICE, SLICE))
    if pool then
      pool:poll(seconds)
    elseif seconds > 0 then -- without a pool there is nothing to wait with
      error(err, 0)
    end
    poll.turn()
  end
end

poll = scheduler.new { block = block, polls = true }

return poll
