--- The loop of libuv: Neovim's, or any program's with luv.
---
--- One handle watches the pool's descriptor, one timer the tasks' next moment; both only note that
--- there is something to do. Tasks then run in the editor's main loop, where its API is allowed,
--- for A_WHILE at most before it gets to see keys again, also when many are started in one go; and
--- news of many streams are taken together, since each turn may mean a redraw.

local tasks = require("novita.loop.tasks")

local A_WHILE = 0.0015 -- seconds
local REST = 0.008 -- seconds from one turn to the next that news ask for: half a picture
local SLICE = 0.1 -- seconds between two looks for <C-c>

local vim = rawget(_G, "vim")
local editor = type(vim) == "table" and vim.schedule ~= nil
local uv = editor and (vim.uv or vim.loop) or require("luv")

local loop
local handles = {} -- the pool, its poll handle, the timer
local armed = math.huge -- when the timer goes off
local awaited = false -- is a turn due?
local last = -math.huge -- when the last turn ended
local busy = 0 -- what must keep libuv's loop alive: the tasks, code that blocks

local arm

local function turn()
  awaited = false
  local seconds = loop.turn(A_WHILE)
  last = loop.now()
  if seconds then arm(last + seconds) end
end

-- There is something to do. Once is enough, however often it is said.
local function notice()
  if awaited then return end
  awaited = true
  if editor then vim.schedule(turn) else turn() end
end

local function on_timer()
  armed = math.huge
  notice()
end

function arm(at)
  if at >= armed or not handles.timer then return end
  armed = at
  uv.update_time()
  handles.timer:start(math.max(0, math.ceil((at - loop.now()) * 1000)), 0, on_timer)
end

local function on_readable()
  local _, news = handles.pool:poll(0)
  if not news then return end
  if loop.now() >= last + REST then notice() else arm(last + REST) end
end

-- Handles first, the descriptor after them.
local function close()
  if not handles.pool then return end
  handles.watch:stop()
  handles.watch:close()
  handles.timer:stop()
  handles.timer:close()
  handles.pool:close()
  handles, armed = {}, math.huge
end

local leaving

-- Neovim runs no finalizers when it ends.
local function close_at_exit()
  leaving = leaving or vim.api.nvim_create_autocmd("VimLeavePre", { callback = close })
end

local function refer()
  if not handles.watch then return end
  if busy > 0 then handles.watch:ref() else handles.watch:unref() end
end

local function on_pool(pool)
  close()
  handles = { pool = pool, timer = uv.new_timer(), watch = uv.new_poll(pool:fd()) }
  handles.timer:unref()
  handles.watch:start("r", on_readable)
  refer()
  if editor and vim.in_fast_event() then
    vim.schedule(close_at_exit)
  elseif editor then
    close_at_exit()
  end
end

local function keep(more)
  busy = busy + more
  if more > 0 then loop.pool() end
  refer()
end

-- In 0.7 a <C-c> ends vim.wait only when its time is up; so it gets little at a time. In between
-- what changed meanwhile is drawn.
local function wait_in_editor(waiter)
  if vim.in_fast_event() then
    error("novita can't wait in a callback of vim.loop: use novita.start or novita.spawn", 0)
  end
  local slice = SLICE * 1000
  while not waiter.ready do
    local _, why = vim.wait(slice, function() return waiter.ready end, slice)
    if why == -2 then error("Keyboard interrupt", 0) end
    if not waiter.ready then vim.cmd("redraw") end
  end
end

local function wait_in_luv(waiter)
  while not waiter.ready do
    arm(loop.now() + SLICE) -- for signals
    uv.run("once")
  end
end

local function block(waiter)
  keep(1)
  local ok, err = pcall(editor and wait_in_editor or wait_in_luv, waiter)
  keep(-1)
  if not ok then error(err, 0) end
end

-- An error that nobody waits for is shown; who spawned the task may come to wait yet.
local function report(task)
  local function show()
    if task.seen then return end
    local text = "novita: " .. tostring(task.traceback or task.results[1])
    if not editor then return io.stderr:write(text, "\n") end
    vim.notify((text:gsub("\t", "  ")), vim.log.levels.ERROR)
  end
  if editor then vim.schedule(show) else show() end
end

local since -- when the first task of those began that were started without a pause

-- May a task not run right now? In a callback of libuv's it may not; and when many are started in
-- one go, the keys have their turn in between.
local function defers()
  if vim.in_fast_event() then return true end
  if not since then
    since = loop.now()
    vim.schedule(function() since = nil end)
  end
  return loop.now() - since > A_WHILE
end

loop = tasks.new {
  block = block, on_pool = on_pool, on_timer = arm, on_failure = report, breathes = true,
  on_alive = function(alive) keep(alive and 1 or -1) end,
  defers = editor and defers or nil,
}

return loop
