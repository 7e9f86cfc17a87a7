--- A step for each item of a list, several at once.

local calls = require("novita.workflow.calls")
local core = require("novita.core")
local defaults = require("novita.call.options").defaults
local misuse = require("novita.misuse")
local pass = require("novita.workflow.pass")
local retry = require("novita.retry")
local tables = require("novita.tables")
local with_policy = require("novita.call.settings").with_policy

local each_item = {}

local function checked(items)
  if not tables.is_list(items) then misuse.expected("each", "a list of items", items) end
  if not tables.is_dense(items) then misuse.raise("each: the list of items has a hole") end
  return items
end

--- Returns what the templates of an item see.
---@param vars? table those of the call
---@param item any
---@param index integer
---@return table
function each_item.vars(vars, item, index)
  return tables.merged(vars or {}, {
    item = item, index = index, row = type(item) == "table" and item or nil,
  })
end

--- Makes the work of an item: a call.
---@param run table
---@param kind string of calls.kinds
---@param make fun(item: any, index: integer): any, table|false|nil makes its request, and the
---  variables that are filled in it
---@param settings novita.Settings
---@return fun(given: table, item: any, index: integer): any, any
function each_item.call(run, kind, make, settings)
  return function(given, item, index)
    local request, vars = make(item, index)
    return calls.perform(run, kind, given, request,
      with_policy(settings, { vars = vars or false }))
  end
end

-- Would the other items fail with this error too? They are not begun then.
local function concerns_all(err)
  return err.kind == "authentication" or err.kind == "permission" or err.param == "api_key"
    or err.param == "base_url" or retry.quota_exhausted(err)
end

-- One of several workers: takes the next item as long as there is one.
local function take_items(state)
  while state.next <= #state.items and not state.hopeless do
    local index = state.next
    state.next = index + 1
    local given = {
      name = state.name, version = state.own.version, item = index, on_error = state.on_error,
    }
    local result, err = state.work(given, state.items[index], index)
    if err then
      state.failed = state.failed + 1
      state.errors[index] = err
      state.hopeless = state.hopeless or concerns_all(err)
      result = false
    elseif result == nil then
      result = true -- a function that returns nothing has done its work
    end
    state.results[index] = result
  end
end

local function not_begun()
  return core.error { kind = "cancelled", message = "not begun: it would have failed as well" }
end

-- The error of a loop of which items have failed.
local function failure(state)
  local first = 1
  while not state.errors[first] do first = first + 1 end
  local err = state.errors[first]
  return core.error {
    kind = err.kind, status = err.status, code = err.code, param = err.param, reason = err.reason,
    request_id = err.request_id, message = ("%d of %d items failed; item %d: %s"):format(
      state.failed, #state.items, first, err.message),
  }
end

local function run_workers(run, state, concurrency)
  local workers = {}
  for number = 1, math.min(concurrency, #state.items) do
    workers[number] = run.loop.spawn(function() take_items(state) end)
    run.tasks[workers[number]] = true
  end
  for _, worker in ipairs(workers) do
    local ok, problem
    repeat ok, problem = worker:join() until worker.done
    if not ok then error(problem, 0) end
  end
end

--- Runs the work for each item.
---@param run table
---@param name string
---@param items any[]
---@param work fun(given: table, item: any, index: integer): any, any
---@param own { version: any, on_error: string? }
---@param settings novita.Settings
---@return any[] results
---@return table<integer, novita.Error>? errors
function each_item.run(run, name, items, work, own, settings)
  pass.enter(run, name)
  local state = {
    name = name, items = checked(items), work = work, own = own, next = 1, failed = 0,
    results = {}, errors = {}, on_error = own.on_error or "collect",
  }
  run_workers(run, state, settings.policy.concurrency or defaults.concurrency)
  for index = state.next, #items do
    state.results[index], state.errors[index] = false, not_begun()
  end
  if own.on_error == "return" then return state.results, state.errors end
  if state.failed == 0 then return state.results end
  pass.fail(run, name, failure(state))
  pass.park(run)
end

return each_item
