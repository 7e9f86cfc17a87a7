--- The tool calls of one turn: checks them, asks for approval, runs them at the same time in tasks,
--- and appends their results in their order.
---
--- A run is the table of tools.lua. While its calls run, run.tasks holds their tasks; calls.stop
--- cancels them, and run.stopped says why.

local compat = require("novita.compat")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local json_schema = require("novita.call.json_schema")
local tool_calls = require("novita.stream.tool_calls")

local calls = {}

---@class novita.ToolContext
---@field id string the id of the call
---@field name string the tool's
---@field turn integer the number of the turn, from 1
---@field messages novita.Message[] the messages before the call

---@class novita.ToolCall
---@field id string
---@field name string
---@field arguments? table nil where they are not JSON
---@field content string what the model received
---@field failed? boolean true if that was an error
---@field seconds number how long the function ran; 0 where it was not called

-- Preparation -----------------------------------------------------------------------------------

-- Each result names its call by its id; some servers send none, or one id for several calls.
local function give_ids(raw_calls, turn)
  local seen = {}
  for index, raw in ipairs(raw_calls) do
    if type(raw.id) ~= "string" or raw.id == "" or seen[raw.id] then
      raw.id = ("call_%d_%d"):format(turn, index)
    end
    seen[raw.id] = true
  end
end

local function ask_leave(run, call)
  if not run.on_call then return nil end
  local allowed, reason = run.on_call(call.name, call.arguments)
  if allowed ~= false then return nil end
  return "the call was refused" .. (reason ~= nil and ": " .. tostring(reason) or "")
end

-- Returns why a call is refused, or nil.
local function problem_of(run, call, unreadable)
  local tool = run.tools.by_name[call.name]
  if not tool then
    return ("there is no such tool; there are: %s"):format(table.concat(run.tools.names, ", "))
  end
  if unreadable then return "the arguments are " .. unreadable end
  if type(tool.parameters) == "table" then
    local problem, path = json_schema.problem(call.arguments, tool.parameters)
    if problem then
      path = path ~= "" and path .. ": " or ""
      return ("the arguments do not match the schema: %s%s"):format(path, problem)
    end
  end
  return ask_leave(run, call)
end

-- The reason may be bytes of the system's, where the API wants UTF-8.
local function fail(call, problem)
  if not core.encode(problem) then problem = problem:gsub("[\128-\255]+", "?") end
  call.content, call.failed = "error: " .. problem, true
end

local function prepare(run, raw)
  local fn = raw["function"] or raw.custom or {}
  local call = { id = raw.id, name = tostring(fn.name), seconds = 0 }
  local unreadable
  call.arguments, unreadable = tool_calls.read_arguments(fn.arguments)
  local problem = problem_of(run, call, unreadable)
  if problem then fail(call, problem) end
  return call
end

-- Running ---------------------------------------------------------------------------------------

--- Cancels the tasks of a run's tools. The first reason is kept.
---@param run table
---@param reason "raised"|"cancelled"|"deadline"
function calls.stop(run, reason)
  if run.stopped then return end
  run.stopped = reason
  for _, task in ipairs(run.tasks) do task:cancel() end
end

-- Returns the text of a result: nil is a failure, no value at all is a success.
local function text_of(count, result, err)
  if count == 0 then return "done" end
  if result == nil then return nil, err == nil and "no result" or tostring(err) end
  local json, problem = core.encode(result)
  if not json then return nil, "the result is not JSON: " .. problem.message end
  return type(result) == "string" and result or json
end

local function record(run, call, started, ok, ...)
  call.seconds = run.loop.now() - started
  if not ok then
    if not run.stopped then run.raised = { (...) } end
    return calls.stop(run, "raised")
  end
  local text, problem = text_of(select("#", ...), ...)
  if text then call.content = text else fail(call, problem) end
end

local function start(run, call)
  local fn = run.tools.by_name[call.name].call
  local context = {
    id = call.id, name = call.name, turn = #run.turns, messages = run.messages,
  }
  local task = run.loop.spawn(function()
    record(run, call, run.loop.now(), compat.pcall(fn, call.arguments, context))
  end)
  run.tasks[#run.tasks + 1] = task
  if run.stopped then task:cancel() end
end

-- Waits for a task. If this code is cancelled or interrupted meanwhile, cancels the tools.
local function wait_for(run, task)
  local ok, problem = compat.pcall(task.join, task)
  if not ok then
    calls.stop(run, "cancelled")
    error(problem, 0)
  end
  if task.done then return end
  calls.stop(run, "cancelled")
  task:join()
end

-- Stops the tools when the deadline of the run passes.
local function watch(run)
  if not run.ends then return nil end
  return run.loop.spawn(function()
    if run.loop.sleep(math.max(run.ends - run.loop.now(), 0)) then calls.stop(run, "deadline") end
  end)
end

local function run_all(run, list)
  local current = run.loop.current()
  if current and current.cancelled then calls.stop(run, "cancelled") end
  for _, call in ipairs(list) do
    if not call.content and not run.stopped then start(run, call) end
  end
  local watcher = run.tasks[1] and watch(run)
  for _, task in ipairs(run.tasks) do wait_for(run, task) end
  if watcher then watcher:cancel() end
  run.tasks = {}
end

--- Returns the error of a run that was stopped.
---@param run table
---@return novita.Error
function calls.stop_error(run)
  if run.stopped == "deadline" then return error_hint.deadline_error(run.seconds) end
  return core.error { kind = "cancelled", message = "cancelled while tools ran" }
end

--- Makes the calls of a message. An error that a function raises is raised here, after all ended.
---@param run table
---@param raw_calls table[] message.tool_calls; a call without an id of its own gets one
---@return novita.ToolCall[]? calls nil if the run was stopped
---@return novita.Error? err
function calls.perform(run, raw_calls)
  give_ids(raw_calls, #run.turns)
  local list = {}
  for index, raw in ipairs(raw_calls) do list[index] = prepare(run, raw) end
  run_all(run, list)
  if run.stopped == "raised" then error(run.raised[1], 0) end
  if run.stopped then return nil, calls.stop_error(run) end
  return list
end

return calls
