--- Puts the chunks of a stream together to the reply that a plain call would have given.
---
--- Pure. Facts about what servers send: novita-api 3.2 and behaviour 10; the rules stand at the
--- functions. What a server sends may be anything: a value of an odd type is kept as it is, and
--- only what can't be placed is a problem.

local core = require("novita.core")
local pieces = require("novita.pieces")
local toolcalls = require("novita.toolcalls")

local append, filled = pieces.append, pieces.filled

local assemble = {}

-- Messages ----------------------------------------------------------------------------------------

local MESSAGE_GROWS = { content = true, refusal = true, reasoning_content = true, reasoning = true }
local AUDIO_GROWS = { data = true, transcript = true }
local DETAIL_GROWS = { text = true, summary = true }

-- Members of a delta with a structure of their own; a function may return a problem.
local structured = {}

function structured.tool_calls(choice, list)
  for _, fragment in ipairs(list) do
    local problem = toolcalls.add(choice.calls, fragment)
    if problem then return problem end
  end
  return nil
end

-- The deprecated ancestor of tool_calls.
function structured.function_call(choice, part)
  choice.function_call = choice.function_call or pieces.new()
  toolcalls.add_function(choice.function_call, part)
end

function structured.audio(choice, part)
  choice.audio = choice.audio or pieces.new()
  pieces.add(choice.audio, part, AUDIO_GROWS)
end

local function detail_at(details, index)
  local detail = details.by_index[index]
  if detail then return detail end
  detail = pieces.new()
  details[#details + 1] = detail
  if index ~= nil then details.by_index[index] = detail end
  return detail
end

-- The reasoning once more, with its origin; parts with one index belong together.
function structured.reasoning_details(choice, list)
  for _, part in ipairs(list) do
    if type(part) == "table" then
      pieces.add(detail_at(choice.details, part.index), part, DETAIL_GROWS)
    end
  end
end

local function add_field(choice, name, value)
  local add = structured[name]
  if not add then
    pieces.take(choice.message, name, value, MESSAGE_GROWS)
  elseif type(value) == "table" then
    return add(choice, value)
  end
  return nil
end

-- Nearly always it is one more piece of a text.
local function add_delta(choice, delta)
  local texts = choice.message.texts
  for name, value in pairs(delta) do
    local list = texts[name]
    if list and type(value) == "string" then
      append(list, value)
    else
      local problem = add_field(choice, name, value)
      if problem then return problem end
    end
  end
  return nil
end

local function build_details(details)
  if #details == 0 then return nil end
  local built = {}
  for position, detail in ipairs(details) do built[position] = pieces.join(detail) end
  return built
end

-- `reasoning` is the name that other servers give to reasoning_content. An empty text came with the
-- role, and is no content where there is something else.
local function build_message(choice)
  local message = pieces.join(choice.message)
  if type(message.reasoning) == "string" then
    message.reasoning_content = message.reasoning_content or message.reasoning
    message.reasoning = nil
  end
  message.role = filled(message.role) and message.role or "assistant"
  message.tool_calls = toolcalls.build(choice.calls)
  message.function_call = choice.function_call and toolcalls.build_function(choice.function_call)
  message.audio = choice.audio and pieces.join(choice.audio)
  message.reasoning_details = build_details(choice.details)
  local other = message.tool_calls or message.function_call or filled(message.refusal)
  if message.content == "" and other then message.content = nil end
  return message
end

-- Choices -----------------------------------------------------------------------------------------

local function new_choice()
  return {
    message = pieces.new(), calls = toolcalls.new(), details = { by_index = {} }, other = {},
  }
end

local function add_logprobs(choice, logprobs)
  choice.logprobs = choice.logprobs or {}
  for name, list in pairs(logprobs) do
    if type(list) == "table" then
      local whole = choice.logprobs[name] or core.array {}
      choice.logprobs[name] = whole
      for _, item in ipairs(list) do whole[#whole + 1] = item end
    end
  end
end

local function add_member(choice, name, value)
  if name == "finish_reason" then
    if type(value) == "string" and value ~= "" then choice.finish_reason = value end
  elseif name == "logprobs" then
    if type(value) == "table" then add_logprobs(choice, value) end
  else
    choice.other[name] = value
  end
end

local function add_choice(self, part, position)
  if type(part) ~= "table" then return "a choice is not an object" end
  local index = part.index
  if index == nil then index = position - 1 end
  local choice = self.choices[index]
  if not choice then
    if not toolcalls.valid_index(index) then
      return "the index of a choice is not an integer of 0 to 127"
    end
    choice = new_choice()
    self.choices[index] = choice
  end
  for name, value in pairs(part) do
    if name ~= "index" and name ~= "delta" then add_member(choice, name, value) end
  end
  if type(part.delta) == "table" then return add_delta(choice, part.delta) end
  return nil
end

local function build_choice(choice, index)
  local built = { index = index, message = build_message(choice) }
  for name, value in pairs(choice.other) do built[name] = value end
  built.finish_reason, built.logprobs = choice.finish_reason, choice.logprobs
  return built
end

-- Replies -----------------------------------------------------------------------------------------

local methods = {}

-- Of these the first one that says something counts, for some servers change them from chunk to
-- chunk. Of all others the last one does; usage comes last, with the finish, or in every chunk.
local IDENTITY = { id = true, created = true, model = true }

local function add_top_field(reply, name, value)
  local old = reply[name]
  local kept = IDENTITY[name] and filled(old) and old ~= 0
  if not kept and (filled(value) or old == nil) then reply[name] = value end
end

--- Adds a chunk.
---@param chunk table
---@return string? problem why the chunk can't be part of any reply
function methods:add(chunk)
  local reply = self.reply
  for name, value in pairs(chunk) do
    if value ~= reply[name] and name ~= "choices" then add_top_field(reply, name, value) end
  end
  if type(chunk.choices) ~= "table" then return nil end
  for position, part in ipairs(chunk.choices) do
    local problem = add_choice(self, part, position)
    if problem then return problem end
  end
  return nil
end

--- Has every choice that was seen said why it ended? Without a choice there is no answer.
---@return boolean
function methods:complete()
  for _, choice in pairs(self.choices) do
    if not choice.finish_reason then return false end
  end
  return next(self.choices) ~= nil
end

--- What has arrived so far, in the shape of a plain reply; `incomplete` unless that was all.
---@return novita.Reply
function methods:build()
  local reply, indices = {}, {}
  for name, value in pairs(self.reply) do reply[name] = value end
  for index in pairs(self.choices) do indices[#indices + 1] = index end
  table.sort(indices)
  reply.object, reply.choices = "chat.completion", {}
  for position, index in ipairs(indices) do
    reply.choices[position] = build_choice(self.choices[index], index)
  end
  reply.incomplete = not self:complete() or nil
  return core.reply(reply)
end

local mt = { __index = methods }

--- A reply with nothing in it yet.
function assemble.new()
  return setmetatable({ reply = {}, choices = {} }, mt)
end

return assemble
