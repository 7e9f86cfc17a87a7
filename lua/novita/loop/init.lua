--- Selects the loop that the code runs in, and defines what every loop offers.

local core = require("novita.core")

local loops = {}

--- The contract of a loop: poll.lua (scripts), uv.lua (Neovim, luv) and ngx.lua (nginx) implement
--- it, and so must what a program passes as the option `loop`.
---@class novita.Loop
---@field now fun(): number returns monotonic seconds
---@field pool fun(): novita.Pool?, novita.Error? returns the pool of this process, or nil and an
---  error where it can't have one
---@field wait fun(transfer: novita.Transfer, seconds?: number): boolean waits until a transfer has
---  news; false if the time is up before
---@field sleep fun(seconds: number): boolean returns false if the task is cancelled meanwhile
---@field wake fun(task?: novita.Task) ends the sleep of a task, but does not run the task itself
---@field spawn fun(fn: fun(): any ...): novita.Task starts a task
---@field current fun(): novita.Task? returns the running task, or nil outside of tasks
---@field run fun() runs until all tasks have ended; raises the first error that no join() returned
---@field breathe? fun() yields if the running task has used up its time slice

local function in_neovim(vim)
  return type(vim) == "table" and (vim.uv or vim.loop) ~= nil and vim.schedule ~= nil
end

local function select_loop(vim, ngx)
  if in_neovim(vim) then return require("novita.loop.uv") end
  if ngx then return require("novita.loop.ngx") end
  return require("novita.loop.poll")
end

local selected, selected_vim, selected_ngx

--- Returns the loop of the host: Neovim's, nginx's, or that of scripts.
---@return novita.Loop loop
function loops.here()
  local vim, ngx = rawget(_G, "vim"), rawget(_G, "ngx")
  if not selected or vim ~= selected_vim or ngx ~= selected_ngx then
    selected, selected_vim, selected_ngx = select_loop(vim, ngx), vim, ngx
  end
  return selected
end

--- Is it the loop of scripts? Then the program is ours: it may block, and signals may be counted.
---@param loop novita.Loop
---@return boolean
function loops.is_script(loop)
  return loop == package.loaded["novita.loop.poll"]
end

local environments = setmetatable({}, { __mode = "k" })

--- Returns the environment of retry.lua and limit/: clocks, sleep, random numbers, errors.
---@param loop novita.Loop
---@return novita.RetryEnv
function loops.environment(loop)
  environments[loop] = environments[loop] or {
    now = loop.now, time = os.time, random = core.random, error = core.error,
    task = loop.current, wake = loop.wake,
    sleep = function(seconds)
      if loop.sleep(seconds) then return true end
      return nil, core.error { kind = "cancelled", message = "cancelled while waiting" }
    end,
  }
  return environments[loop]
end

return loops
