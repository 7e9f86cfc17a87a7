-- What runs inside Neovim for bench/neovim. In a terminal:
--   streams   shows COUNT streams of MODEL in windows while one types into another; prints the
--             longest gap on the main loop, the busiest, how many were stalls, and the CPU time
-- and headless:
--   calls     COUNT plain calls one after the other; prints the CPU time of one
--
-- The global BENCH has client, job, url, warm, count, model, result.
-- luacheck: globals vim, std luajit

local uv, bench = vim.loop, BENCH -- luacheck: ignore 113

local here = debug.getinfo(1, "S").source:match("^@(.*/)")
local STALL = 6 -- ms of CPU time; an idle editor has gaps of 4 to 5
local PLAIN_MODEL = "meta-llama/llama-3.3-70b-instruct"

local ffi = require("ffi")
ffi.cdef [[
  struct bench_rusage { long utime[2], stime[2], rest[28]; };
  int getrusage(int who, struct bench_rusage *usage);
  struct bench_time { long seconds, nanoseconds; };
  int clock_gettime(int clock, struct bench_time *time);
]]

-- CPU time in ms of this thread, on which the loop runs.
local own_time = ffi.new("struct bench_time")
local CLOCK_THREAD_CPUTIME_ID = 3

local function thread_cpu()
  ffi.C.clock_gettime(CLOCK_THREAD_CPUTIME_ID, own_time)
  return tonumber(own_time.seconds) * 1e3 + tonumber(own_time.nanoseconds) / 1e6
end

-- How long this thread waited for a processor, in us.
local function queued()
  return tonumber(io.open("/proc/self/schedstat"):read("*l"):match("^%d+ (%d+)")) / 1e3
end

-- CPU time in us of this process, or of the children it waited for.
local function cpu(who)
  local usage = ffi.new("struct bench_rusage")
  ffi.C.getrusage(who, usage)
  return tonumber(usage.utime[0] + usage.stime[0]) * 1e6
    + tonumber(usage.utime[1] + usage.stime[1])
end

local function all_cpu() return cpu(0) + cpu(-1) end

local function print_result(format, ...)
  local file = assert(io.open(bench.result, "w"))
  file:write(format:format(...), "\n")
  file:close()
end

local function connect()
  if bench.client == "idle" then return nil end
  package.path = here .. "?.lua;" .. package.path
  return require("clients.editor_" .. bench.client)(bench.url)
end

-- Streams and typing ------------------------------------------------------------------------------

-- A timer of 1 ms that is late says that something held the loop: by the clock, in which there is
-- also what else the machine does, and by the CPU time that went by.
local function watch_gaps()
  local gaps = { longest = 0, busiest = 0, stalls = 0, since = uv.hrtime(), queue = queued() }
  local last, last_cpu = gaps.since, thread_cpu()
  uv.new_timer():start(1, 1, function()
    local time, spent = uv.hrtime(), thread_cpu()
    local busy = spent - last_cpu
    gaps.longest = math.max(gaps.longest, (time - last) / 1e6)
    gaps.busiest = math.max(gaps.busiest, busy)
    if busy > STALL then gaps.stalls = gaps.stalls + 1 end
    last, last_cpu = time, spent
  end)
  return gaps
end

-- Writes at the end of a buffer, and keeps that in view where it is shown.
local function append(buffer, text, window)
  local last = vim.api.nvim_buf_get_lines(buffer, -2, -1, true)[1]
  if #last > 80 then
    vim.api.nvim_buf_set_lines(buffer, -1, -1, true, { text })
  else
    local row = vim.api.nvim_buf_line_count(buffer) - 1
    vim.api.nvim_buf_set_text(buffer, row, #last, row, #last, { text })
  end
  if window then
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(buffer), 0 })
  end
end

-- Two streams are in view, the others in buffers of their own.
local function windows()
  local list = {}
  for index = 1, 2 do
    vim.cmd("botright 8new")
    vim.opt_local.buftype = "nofile"
    list[index] = vim.api.nvim_get_current_win()
  end
  vim.cmd("wincmd t")
  return list
end

local function start_streams(client, shown)
  local open = bench.count
  local state = { chunks = 0, bytes = 0, failed = 0 }
  for index = 1, bench.count do
    local window = shown[index]
    local buffer = window and vim.api.nvim_win_get_buf(window)
      or vim.api.nvim_create_buf(false, true)
    client.stream(bench.model, function(text)
      state.bytes = state.bytes + #text
      append(buffer, text, window)
    end, function(err)
      if err then state.failed = state.failed + 1 end
      open = open - 1
      if open == 0 then state.cpu_end = all_cpu() end
    end)
  end
  return state
end

local function warm_up(client)
  local open = bench.warm
  for _ = 1, bench.warm do
    client.stream("bench/chunks-5-pace-20", function() end, function(err)
      assert(not err, err)
      open = open - 1
    end)
  end
  assert(vim.wait(8000, function() return open == 0 end, 5), "warming up")
end

local function streams()
  local client, shown = connect(), windows()
  if client and bench.warm > 0 then warm_up(client) end
  local gaps, state, cpu_start
  vim.keymap.set("i", "<C-g>", function()
    cpu_start = all_cpu()
    gaps = watch_gaps()
    state = client and start_streams(client, shown) or { bytes = 0, failed = 0 }
  end)
  vim.keymap.set("i", "<C-b>", function()
    local spent = (state.cpu_end or all_cpu()) - cpu_start
    print_result("gap %.3f busy %.3f stalls %d bytes %d failed %d over %d cpu %.0f wall %.0f "
      .. "queue %.0f", gaps.longest, gaps.busiest, gaps.stalls, state.bytes, state.failed,
      state.cpu_end and 1 or 0, spent, (uv.hrtime() - gaps.since) / 1e3, queued() - gaps.queue)
    vim.cmd("qa!")
  end)
  vim.cmd("startinsert")
  vim.defer_fn(function()
    vim.api.nvim_buf_set_lines(0, 0, 1, true, { "READY", "" })
    vim.api.nvim_win_set_cursor(0, { 2, 0 })
  end, 100)
end

-- Calls -------------------------------------------------------------------------------------------

local function calls()
  local client = connect()
  local function run(count)
    for _ = 1, count do
      local done, failure
      client.chat(PLAIN_MODEL, function(err) done, failure = true, err end)
      assert(vim.wait(5000, function() return done end, 100) and not failure, failure)
    end
  end
  run(bench.warm)
  local start = all_cpu()
  run(bench.count)
  print_result("percall %.1f", (all_cpu() - start) / bench.count)
  vim.cmd("qa!")
end

local ok, problem = pcall(({ streams = streams, calls = calls })[bench.job])
if not ok then
  io.stderr:write(tostring(problem), "\n")
  vim.cmd("cquit")
end
