--- The loop of libuv: Neovim's, or that of any program with luv.
---
--- A poll handle watches the pool's descriptor and a timer the next timer of the tasks; both
--- callbacks only schedule a turn. Tasks run in the editor's main loop, where its API is allowed,
--- for TIME_SLICE seconds at most before the editor handles keys again, also when many are started
--- in a row. News of many streams share a turn, since each turn may cause a redraw.

local scheduler = require("novita.loop.scheduler")

local TIME_SLICE = 0.0015 -- seconds
local MIN_INTERVAL = 0.008 -- seconds between turns that news cause: half a frame
local SLICE = 0.1 -- seconds between two checks for <C-c>

local vim = rawget(_G, "vim")
local editor = type(vim) == "table" and vim.schedule ~= nil
local uv = editor and (vim.uv or vim.loop) or require("luv")

local loop ---@type novita.Loop
local timer -- a uv_timer_t, made when it is first needed
local pool, poll_handle -- the pool, and the uv_poll_t of its descriptor
local expires = math.huge -- when the timer expires
local scheduled = false -- is a turn scheduled?
local last_turn = -math.huge -- when the last turn ended
local blocked, alive = 0, false -- libuv's loop must run for code that blocks and for tasks

local start_timer

local function turn()
  scheduled = false
  local seconds = loop.turn(TIME_SLICE)
  last_turn = loop.now()
  if seconds then start_timer(last_turn + seconds) end
end

-- Idempotent until the turn runs.
local function schedule_turn()
  if not editor then return turn() end
  if not scheduled then vim.schedule(turn) end
  scheduled = true
end

local function on_timer()
  expires = math.huge
  schedule_turn()
end

local function update_reference(handle)
  if not handle then return end
  if alive or blocked > 0 then handle:ref() else handle:unref() end
end

function start_timer(at)
  if at >= expires then return end
  uv.update_time()
  if not timer then
    timer = uv.new_timer()
    update_reference(timer)
  end
  timer:start(math.max(0, math.ceil((at - loop.now()) * 1000)), 0, on_timer)
  expires = at
end

local function on_readable()
  local _, news = pool:poll(0)
  if not news then return end
  local next_turn = last_turn + MIN_INTERVAL
  if loop.now() >= next_turn then schedule_turn() else start_timer(next_turn) end
end

-- Closes the handle before the descriptor.
local function close_pool()
  if not pool then return end
  poll_handle:stop()
  poll_handle:close()
  pool:close()
  pool, poll_handle = nil, nil
end

local exit_autocmd

-- Closes the pool when Neovim exits, which runs no finalizers.
local function close_at_exit()
  exit_autocmd = exit_autocmd or vim.api.nvim_create_autocmd("VimLeavePre", { callback = function()
    close_pool()
    if timer then timer:close() end
  end })
end

local function update_references()
  update_reference(poll_handle)
  update_reference(timer)
end

local function on_pool(new)
  close_pool()
  pool, poll_handle = new, uv.new_poll(new:fd())
  poll_handle:start("r", on_readable)
  update_references()
  if editor and vim.in_fast_event() then
    vim.schedule(close_at_exit)
  elseif editor then
    close_at_exit()
  end
end

-- A pool that can't be made stops no task: its calls return that error.
local function on_alive(now)
  alive = now
  if alive then loop.pool() end
  update_references()
end

-- In Neovim 0.7 <C-c> ends vim.wait only when its time is up, so it waits in slices, and redraws
-- between them.
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
    start_timer(loop.now() + SLICE) -- for signals
    uv.run("once")
  end
end

local function block(waiter)
  blocked = blocked + 1
  loop.pool()
  update_references()
  local ok, err = pcall(editor and wait_in_editor or wait_in_luv, waiter)
  blocked = blocked - 1
  update_references()
  if not ok then error(err, 0) end
end

-- Shows the error of a task, unless join() returns it before the scheduled function runs.
local function report_failure(task)
  local function show()
    if task.seen then return end
    local text = "novita: " .. tostring(task.traceback or task.results[1])
    if not editor then return io.stderr:write(text, "\n") end
    vim.notify((text:gsub("\t", "  ")), vim.log.levels.ERROR)
  end
  if editor then vim.schedule(show) else show() end
end

local first_start -- when the first task was started since the editor's main loop last ran

-- Returns true if a new task must not run right now: in a callback of libuv, where the API is not
-- allowed, and once tasks started in a row have used up a time slice, so that keys are handled.
local function defers()
  if vim.in_fast_event() then return true end
  if not first_start then
    first_start = loop.now()
    vim.schedule(function() first_start = nil end)
  end
  return loop.now() - first_start > TIME_SLICE
end

loop = scheduler.new {
  block = block, on_pool = on_pool, on_timer = start_timer, on_failure = report_failure,
  breathes = true, on_alive = on_alive,
  defers = editor and defers or nil,
}

return loop
