--- Tools that run: turns of a model, and the calls of tools between them, until it answers.
---
--- A turn is a call of the client, so retry, limits, time-outs and logs apply to each turn. The
--- deadline covers all turns. The messages of a run are valid for the API at any time: those of a
--- turn are appended together with the results of its calls.

local call = require("novita.call")
local each = require("novita.compat").each
local calls = require("novita.run.calls")
local context = require("novita.run.context")
local core = require("novita.core")
local defaults = require("novita.call.options").defaults
local error_hint = require("novita.error_hint")
local loops = require("novita.loop")
local misuse = require("novita.misuse")
local next = require("novita.compat").next
local tables = require("novita.tables")
local toolset = require("novita.run.toolset")
local coerce = require("novita.stream.coerce")

local tools = {}

---@class novita.Turn
---@field usage? table as the server sent it
---@field request_id? string
---@field attempts? novita.Attempt[]
---@field calls novita.ToolCall[] the calls of tools that the model made

-- Requests --------------------------------------------------------------------------------------

-- Returns a copy of the request with templates filled in and tools in the form of the API.
local function fill(request, set, vars)
  local plain = tables.merged(request)
  plain.tools = set.wire
  local filled, err = call.fill(plain, vars)
  if not filled then return nil, err end
  return tables.merged(filled)
end

local function wrong(name, value, expected)
  return error_hint.config_error(name, ("%s is not %s"):format(misuse.shown(value), expected))
end

-- Returns what is wrong with the messages of a request, or nil.
local function problem_of(request)
  local list, text = request.messages, request.message
  if list ~= nil and not (type(list) == "table" and (list[1] ~= nil or next(list) == nil)) then
    return wrong("messages", list, "a list of messages")
  end
  local kind = type(text)
  if text ~= nil and kind ~= "string" and kind ~= "number"
    and not (kind == "table" and text[1] ~= nil) then
    return wrong("message", text, "a text or a list of content parts")
  end
  return nil
end

local function add_all(messages, list)
  for _, message in ipairs(list or {}) do messages[#messages + 1] = message end
end

-- Appends the messages of a request to those of the run.
local function take_messages(request, history)
  local messages, text = {}, request.message
  add_all(messages, history)
  add_all(messages, request.messages)
  if text ~= nil then
    if type(text) == "number" then text = coerce.text(text) end
    messages[#messages + 1] = { role = "user", content = text }
  end
  request.messages, request.message = messages, nil
  return messages
end

local function forces_call(choice)
  return choice == "required" or type(choice) == "table" and choice.type == "function"
end

-- Returns the request of a turn. A tool_choice that forces a call is sent in the first turn only.
local function request_of(run)
  local request = tables.merged(run.request)
  request.messages = context.fit(request, run.max_context)
  if run.turns[1] and forces_call(request.tool_choice) then request.tool_choice = nil end
  return request
end

-- Returns the options of a turn, with the remaining time as its deadline, or nil and an error when
-- the deadline has passed. Defaults and templates are already applied.
local function options_of(run)
  local options = { vars = false, defaults = false }
  if run.ends then
    options.deadline = run.ends - run.loop.now()
    if options.deadline <= 0 then
      calls.stop(run, "deadline")
      return nil, calls.stop_error(run)
    end
  end
  return options
end

-- Runs ------------------------------------------------------------------------------------------

--- Begins a run.
---@param client novita.Client
---@param request novita.Request
---@param settings novita.Settings the client's
---@param history? novita.Message[] what was said before; no templates are filled in it
---@return table? run
---@return novita.Error? err
function tools.begin(client, request, settings, history)
  local policy, seconds = settings.policy, settings.wire.deadline
  local whole = call.complete(request, policy)
  local set = toolset.new(whole.tools)
  local plain, err = fill(whole, set, policy.vars)
  err = err or problem_of(plain)
  if err then return nil, err end
  local messages, loop = take_messages(plain, history), policy.loop or loops.here()
  return {
    client = client, request = plain, messages = messages, tools = set, turns = {}, tasks = {},
    loop = loop, on_call = policy.on_call, max_turns = policy.max_turns or defaults.max_turns,
    max_context = policy.max_context, seconds = seconds,
    ends = type(seconds) == "number" and seconds > 0 and loop.now() + seconds or nil,
  }
end

local function add_usage(sum, usage)
  for name, value in each(usage) do
    if type(value) == "number" then
      sum[name] = (type(sum[name]) == "number" and sum[name] or 0) + value
    elseif type(value) == "table" then
      sum[name] = add_usage(type(sum[name]) == "table" and sum[name] or {}, value)
    end
  end
  return sum
end

--- Completes a run that succeeded: the reply gets the usage of all turns, the info their list.
---@param run table
---@param reply novita.Reply
---@param info novita.Info
---@return novita.Reply, novita.Info
function tools.finish(run, reply, info)
  if run.usage and #run.turns > 1 then reply.usage = run.usage end
  info.messages, info.turns = run.messages, run.turns
  return reply, info
end

--- Completes a run that failed: the error gets the messages so far.
---@param run table
---@param err novita.Error
---@return nil, novita.Error
function tools.fail(run, err)
  err.messages, err.turns = run.messages, run.turns
  error_hint.restate_deadline(err, run.seconds)
  return nil, err
end

--- Adds a turn to the run's list, and its usage to the sum.
---@param run table
---@param reply novita.Reply
---@param info novita.Info
---@return novita.Turn
function tools.note_turn(run, reply, info)
  local turn = {
    usage = reply.usage, request_id = info.request_id, attempts = info.attempts, calls = {},
  }
  run.turns[#run.turns + 1] = turn
  if type(reply.usage) == "table" then run.usage = add_usage(run.usage or {}, reply.usage) end
  return turn
end

-- Returns an answer as a message. The API requires content in a message without tool calls, also
-- if the answer is empty.
local function answer_of(message)
  if message.content ~= nil then return message end
  return tables.merged({ content = "" }, message)
end

-- Returns why the calls of a reply must not be made (it is truncated), or nil.
local function cut_error(reply)
  local _, err = reply:tool_calls()
  return err and err.kind ~= "invalid_response" and err or nil
end

local function too_many_turns(run, reply)
  return core.error {
    kind = "tool_turns", partial = reply,
    message = ("the model still calls tools after %d turns (max_turns)"):format(run.max_turns),
  }
end

--- Records the reply of a turn and makes its tool calls.
---@param run table
---@param reply novita.Reply whole
---@param info novita.Info
---@return boolean? again is there to be another turn? nil on failure
---@return novita.Error? err
function tools.take(run, reply, info)
  local turn = tools.note_turn(run, reply, info)
  local message = reply.choices[1] and reply.choices[1].message or { role = "assistant" }
  local raw_calls = message.tool_calls
  if type(raw_calls) ~= "table" or not raw_calls[1] then
    run.messages[#run.messages + 1] = answer_of(message)
    return false
  end
  local err = cut_error(reply)
  if err then return nil, err end
  local made
  made, err = calls.perform(run, raw_calls)
  if not made then return nil, err end
  run.messages[#run.messages + 1], turn.calls = message, made
  for _, one in ipairs(made) do
    run.messages[#run.messages + 1] = {
      role = "tool", tool_call_id = one.id, content = one.content,
    }
  end
  if #run.turns >= run.max_turns then return nil, too_many_turns(run, reply) end
  return true
end

--- Asks for the next turn.
---@param run table
---@param method "chat"|"stream" of the client
---@return any value, any info what that returned
function tools.ask(run, method)
  local options, err = options_of(run)
  if not options then return nil, err end
  return run.client[method](run.client, request_of(run), options)
end

--- Asks the model, and makes the calls of tools that it wants, until it answers.
---@param client novita.Client
---@param request novita.Request
---@param settings novita.Settings the client's
---@param history? novita.Message[]
---@return novita.Reply? reply
---@return novita.Info|novita.Error info
function tools.run(client, request, settings, history)
  local run, err = tools.begin(client, request, settings, history)
  if not run then return nil, err end
  local reply, info, again
  repeat
    reply, info = tools.ask(run, "chat")
    if not reply then return tools.fail(run, info) end
    if reply.incomplete then -- on_text returned false
      tools.note_turn(run, reply, info)
      break
    end
    again, err = tools.take(run, reply, info)
    if again == nil then return tools.fail(run, err) end
  until not again
  return tools.finish(run, reply, info)
end

return tools
