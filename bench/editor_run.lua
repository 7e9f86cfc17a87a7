-- What runs inside Neovim for bench/runs: a run of a workflow in a task, or nothing for a second. A
-- timer of 1 ms shows for how long the main loop did nothing else.
--
-- The global BENCH has client, steps, url, store, result.
-- luacheck: globals vim, std luajit

local bench = BENCH -- luacheck: ignore 113

local longest, last

local function watch()
  last = vim.loop.hrtime()
  vim.loop.new_timer():start(1, 1, function()
    local time = vim.loop.hrtime()
    longest, last = math.max(longest, (time - last) / 1e6 - 1), time
  end)
end

local function run()
  local novita = require("novita")
  local flow = assert(novita.workflow("bench", function(this)
    for index = 1, bench.steps do
      this:chat("step", { model = "bench/plain", message = "line " .. index })
    end
  end, { store = { bench.store, synchronous = "normal" }, base_url = bench.url }))
  local record
  longest = 0 -- not the first load of libcurl, nor that the store is made
  last = vim.loop.hrtime()
  novita.spawn(function() record = assert(flow:start()) end)
  vim.wait(50000, function() return record end, 1)
  assert(record.status == "done", tostring(record.error))
end

longest = 0
watch()
local since = vim.loop.hrtime()
if bench.client == "nothing" then vim.wait(1000) else run() end
local file = assert(io.open(bench.result, "w"))
file:write(("gap %.3f seconds %.3f\n"):format(longest, (vim.loop.hrtime() - since) / 1e9))
file:close()
vim.cmd("qa!")
