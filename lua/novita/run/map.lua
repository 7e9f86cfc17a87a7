--- Maps a function over a list with bounded concurrency; results are in the order of the items.

local call = require("novita.call")
local compat = require("novita.compat")
local core = require("novita.core")
local defaults = require("novita.call.options").defaults
local loops = require("novita.loop")

local each = compat.each

local map = {}

---@class novita.Summary
---@field total integer
---@field done integer
---@field ok integer
---@field failed integer
---@field errors table<integer, any> item number -> error
---@field usage { prompt_tokens: integer, completion_tokens: integer, total_tokens: integer }
---@field seconds number

local function new_summary(total)
  return {
    total = total, done = 0, ok = 0, failed = 0, errors = {}, seconds = 0,
    usage = { prompt_tokens = 0, completion_tokens = 0, total_tokens = 0 },
  }
end

local function add_usage(usage, result)
  local spent = type(result) == "table" and result.usage
  if type(spent) ~= "table" then return end
  for name, count in each(usage) do
    if type(spent[name]) == "number" then usage[name] = count + spent[name] end
  end
end

local function not_started()
  return core.error { kind = "cancelled", message = "not started: the others were stopped" }
end

-- Records the outcome of an item: nil, false or a raised error is a failure, no value at all is a
-- success.
local function record(state, index, ok, ...)
  local summary, result, err = state.summary, ...
  if not ok then
    result, err = nil, result
  elseif select("#", ...) == 0 then
    result = true
  end
  summary.done = summary.done + 1
  summary.seconds = core.now() - state.started
  if result then
    summary.ok = summary.ok + 1
    add_usage(summary.usage, result)
  else
    summary.failed = summary.failed + 1
    summary.errors[index] = err or "no result"
  end
  state.results[index] = result or false
  if state.on_progress then state.on_progress(summary.done, summary.total, summary) end
end

-- Cancels the items that run; the others are not started.
local function stop(state)
  state.stopped = true
  for _, worker in ipairs(state.workers) do worker:cancel() end
end

-- Runs one of `concurrency` workers, which takes items until none is left.
local function work(state)
  while not state.stopped and state.next <= state.summary.total do
    local index = state.next
    state.next = index + 1
    record(state, index, compat.pcall(state.fn, state.items[index], index))
    if not state.results[index] and state.on_error == "stop" and not state.stopped then
      stop(state)
    end
  end
end

-- Waits for a worker. If the calling task is cancelled meanwhile, cancels all items.
local function wait_for(state, worker)
  local ok, err = worker:join()
  if not worker.done then
    stop(state)
    ok, err = worker:join()
  end
  return ok, err
end

--- Calls fn(item, index) for each item, in tasks, at most `concurrency` at once. fn returns a
--- result, or nil and an error; an error it raises counts as the latter.
---@param items any[]
---@param fn fun(item: any, index: integer): any, any
---@param loop table
---@param options { concurrency?: integer, on_error?: "continue"|"stop", on_progress?: function }
---@return any[] results in the order of the items; false where one failed, true where fn returned
---  nothing
---@return novita.Summary
function map.run(items, fn, loop, options)
  local state = {
    items = items, fn = fn, results = {}, workers = {}, next = 1,
    started = core.now(), summary = new_summary(#items),
    on_error = options.on_error, on_progress = options.on_progress,
  }
  local failed, raised = false, nil
  for number = 1, math.min(options.concurrency or defaults.concurrency, #items) do
    state.workers[number] = loop.spawn(function() work(state) end)
    state.workers[number].seen = true -- see below
  end
  for _, worker in ipairs(state.workers) do
    local ok, err = wait_for(state, worker)
    if not ok and not failed then -- on_progress raised it
      failed, raised = true, err
      stop(state)
    end
  end
  if failed then error(raised, 0) end
  for index = state.next, #items do record(state, index, true, nil, not_started()) end
  return state.results, state.summary
end

-- Returns the settings with the variables of an item added to those of the call.
local function settings_for(settings, item, index)
  local vars = {}
  for name, value in compat.each(settings.policy.vars or {}) do vars[name] = value end
  vars.item, vars.index = item, index
  return setmetatable({
    policy = setmetatable({ vars = vars }, { __index = settings.policy }),
  }, { __index = settings })
end

--- Calls a function, or performs a request, for each item of a list.
---@param items any[]
---@param what novita.Request|fun(item: any, index: integer): any, any
---@param settings novita.Settings
---@return any[] results, novita.Summary
function map.over(items, what, settings)
  local fn = what
  if type(what) == "table" then
    fn = function(item, index) return call.chat(what, settings_for(settings, item, index)) end
  end
  return map.run(items, fn, settings.policy.loop or loops.here(), settings.policy)
end

return map
