--- Puts the chunks of a stream together to the reply that a plain call would have given.
---
--- Pure. Pieces are collected in lists and joined at the end, so that a long answer costs linear
--- time. Facts about what servers send: novita-api 3.2 and behaviour 10; the rules stand at the
--- functions.

local core = require("novita.core")

local MAX_INDEX = 127 -- of choices and tool calls: n is at most 128, and nothing is sized by it

local assemble = {}

-- Fields of a delta that come in pieces, and the field they become.
local pieces = {
  content = "content",
  refusal = "refusal",
  reasoning_content = "reasoning_content",
  reasoning = "reasoning", -- the name that other servers give to reasoning_content
}

local function valid_index(index)
  return type(index) == "number" and index >= 0 and index <= MAX_INDEX and index % 1 == 0
end

local function filled(value)
  return value ~= nil and value ~= ""
end

local function append(list, items)
  for _, item in ipairs(items) do list[#list + 1] = item end
end

-- The call that a fragment belongs to, or nil if a new one begins with it. An id that is known
-- decides; then the position, unless it was taken by a call with another id; a fragment with
-- neither continues the last call.
local function find_call(choice, fragment)
  local calls = choice.calls
  local id, index = fragment.id, fragment.index
  if filled(id) and calls.by_id[id] then return calls.by_id[id] end
  local call = calls.by_index[index or false]
  if index == nil and not filled(id) then return calls[#calls] end
  if call and (not filled(id) or not call.id) then return call end
  return nil
end

local function new_call(choice, fragment)
  local calls = choice.calls
  local call = { arguments = {}, index = fragment.index, order = #calls + 1 }
  calls[#calls + 1] = call
  return call
end

local function add_name(call, name)
  if not filled(name) or name == call.name then return end
  call.name = (call.name or "") .. name
end

-- One entry of delta.tool_calls. The id is set once; arguments are joined, never parsed early.
local function add_fragment(choice, fragment)
  if type(fragment) ~= "table" then return "a tool call is not a table" end
  if fragment.index ~= nil and not valid_index(fragment.index) then
    return "the index of a tool call is not an integer of 0 to " .. MAX_INDEX
  end
  local call = find_call(choice, fragment) or new_call(choice, fragment)
  if filled(fragment.id) and not call.id then
    call.id = fragment.id
    choice.calls.by_id[call.id] = call
  end
  if fragment.index ~= nil then choice.calls.by_index[fragment.index] = call end
  if filled(fragment.type) then call.type = fragment.type end
  local fn = fragment["function"]
  if type(fn) ~= "table" then return nil end
  add_name(call, fn.name)
  local arguments = fn.arguments
  if type(arguments) == "table" then arguments = core.encode(arguments) end
  if type(arguments) == "string" then call.arguments[#call.arguments + 1] = arguments end
  return nil
end

-- The deprecated ancestor of tool_calls.
local function add_function_call(choice, fragment)
  local call = choice.function_call or { arguments = {} }
  choice.function_call = call
  add_name(call, fragment.name)
  if type(fragment.arguments) == "string" then
    call.arguments[#call.arguments + 1] = fragment.arguments
  end
end

local function add_audio(choice, audio)
  local whole = choice.message.audio or {}
  choice.message.audio = whole
  for name, value in pairs(audio) do
    local grows = name == "data" or name == "transcript"
    whole[name] = grows and (whole[name] or "") .. value or value
  end
end

local function add_delta(choice, delta)
  for name, value in pairs(delta) do
    if pieces[name] and type(value) == "string" then
      local list = choice.pieces[name] or {}
      choice.pieces[name] = list
      list[#list + 1] = value
    elseif name == "tool_calls" and type(value) == "table" then
      for _, fragment in ipairs(value) do
        local problem = add_fragment(choice, fragment)
        if problem then return problem end
      end
    elseif name == "function_call" and type(value) == "table" then
      add_function_call(choice, value)
    elseif name == "audio" and type(value) == "table" then
      add_audio(choice, value)
    elseif name == "reasoning_details" and type(value) == "table" then
      choice.message[name] = choice.message[name] or {}
      append(choice.message[name], value)
    elseif value ~= "" or choice.message[name] == nil then
      choice.message[name] = value
    end
  end
  return nil
end

local function add_logprobs(choice, logprobs)
  choice.logprobs = choice.logprobs or {}
  for name, list in pairs(logprobs) do
    if type(list) == "table" then
      choice.logprobs[name] = choice.logprobs[name] or core.array {}
      append(choice.logprobs[name], list)
    end
  end
end

local function add_choice(self, part, position)
  local index = part.index
  if index == nil then index = position - 1 end
  if not valid_index(index) then
    return "the index of a choice is not an integer of 0 to " .. MAX_INDEX
  end
  local choice = self.choices[index]
  if not choice then
    choice = { message = {}, pieces = {}, other = {}, calls = { by_id = {}, by_index = {} } }
    self.choices[index] = choice
  end
  for name, value in pairs(part) do
    if name == "logprobs" and type(value) == "table" then
      add_logprobs(choice, value)
    elseif name == "finish_reason" then
      if value ~= "" then choice.finish_reason = value end
    elseif name ~= "index" and name ~= "delta" then
      choice.other[name] = value
    end
  end
  if type(part.delta) == "table" then return add_delta(choice, part.delta) end
  return nil
end

local methods = {}

--- Adds a chunk.
---@param chunk table
---@return string? problem why the chunk can't be part of any reply
function methods:add(chunk)
  for name, value in pairs(chunk) do
    if name == "usage" then
      self.reply.usage = value -- last, with the finish, or in each: the last one counts
    elseif name ~= "choices" and not filled(self.reply[name]) then
      self.reply[name] = value
    end
  end
  if type(chunk.choices) ~= "table" then return nil end
  for position, part in ipairs(chunk.choices) do
    if type(part) ~= "table" then return "a choice is not a table" end
    local problem = add_choice(self, part, position)
    if problem then return problem end
  end
  return nil
end

--- Has every choice that was seen said why it ended? Without a choice there is no answer.
---@return boolean
function methods:complete()
  local complete = next(self.choices) ~= nil
  for _, choice in pairs(self.choices) do
    complete = complete and choice.finish_reason ~= nil
  end
  return complete
end

local function by_index(a, b)
  if a.index ~= b.index then return (a.index or MAX_INDEX) < (b.index or MAX_INDEX) end
  return a.order < b.order
end

local function build_calls(calls)
  local sorted, built = {}, {}
  for position, call in ipairs(calls) do sorted[position] = call end
  table.sort(sorted, by_index)
  for position, call in ipairs(sorted) do
    built[position] = {
      id = call.id,
      type = call.type or "function",
      ["function"] = { name = call.name, arguments = table.concat(call.arguments) },
    }
  end
  return built
end

local function build_message(choice)
  local message = {}
  for name, value in pairs(choice.message) do message[name] = value end
  for name, list in pairs(choice.pieces) do message[pieces[name]] = table.concat(list) end
  message.reasoning_content = message.reasoning_content or message.reasoning
  message.reasoning = nil
  message.role = filled(message.role) and message.role or "assistant"
  if #choice.calls > 0 then message.tool_calls = build_calls(choice.calls) end
  local call = choice.function_call
  if call then
    message.function_call = { name = call.name, arguments = table.concat(call.arguments) }
  end
  return message
end

--- What has arrived so far, in the shape of a plain reply.
---@return novita.Reply
function methods:build()
  local reply, indices = {}, {}
  for name, value in pairs(self.reply) do reply[name] = value end
  reply.object = "chat.completion"
  reply.choices = {}
  for index in pairs(self.choices) do indices[#indices + 1] = index end
  table.sort(indices)
  for position, index in ipairs(indices) do
    local choice = self.choices[index]
    local built = { index = index, message = build_message(choice) }
    for name, value in pairs(choice.other) do built[name] = value end
    built.finish_reason, built.logprobs = choice.finish_reason, choice.logprobs
    reply.choices[position] = built
  end
  return core.reply(reply)
end

local mt = { __index = methods }

--- A reply with nothing in it yet.
function assemble.new()
  return setmetatable({ reply = {}, choices = {} }, mt)
end

return assemble
