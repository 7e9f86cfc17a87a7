--- Assembles one choice of a reply from its parts, or from a whole message.
---
--- A value of an unexpected type is converted where its meaning is plain (doc/answers.md), and is
--- an error elsewhere.

local each = require("novita.compat").each
local content = require("novita.stream.content")
local core = require("novita.core")
local reasoning = require("novita.stream.reasoning")
local fields = require("novita.stream.fields")
local tables = require("novita.tables")
local tool_calls = require("novita.stream.tool_calls")
local coerce = require("novita.stream.coerce")

local append, filled = fields.append, fields.filled

local choice = {}

-- Failures ----------------------------------------------------------------------------------------

-- Finish reasons that name a failure, besides those that contain "error" or "fail": DeepSeek, vLLM,
-- SGLang, Gemini.
local FAILURES = {
  insufficient_system_resource = true, abort = true, aborted = true, cancelled = true,
  canceled = true, timeout = true, overloaded = true, malformed_function_call = true,
  unexpected_tool_call = true,
}

local function is_failure(reason)
  reason = reason:lower()
  return FAILURES[reason] or (reason:find("error", 1, true) or reason:find("fail", 1, true)) ~= nil
end

-- Returns the failure that a choice reports, as JSON in the shape of an error body.
local function failure_of(part)
  local err, reason = part.error, part.finish_reason
  if type(err) == "number" and err ~= 0 then
    err = { code = err }
  elseif type(err) ~= "table" and (type(err) ~= "string" or err == "") then
    if type(reason) ~= "string" or not is_failure(reason) then return nil end
    err = { message = ('the answer ended with finish_reason "%s"'):format(reason:sub(1, 80)) }
  end
  return core.encode { error = err } or '{"error":{}}'
end

-- Messages ----------------------------------------------------------------------------------------

local AUDIO_GROWS = { data = true, transcript = true }

-- Members of a message with rules of their own; a function may return a problem.
local rules = {}

rules.content = content.add

function rules.reasoning_content(self, value)
  return content.add_text(self, "reasoning_content", value)
end

-- Other servers name reasoning_content so; some send both.
function rules.reasoning(self, value, message)
  if filled(message.reasoning_content) then return nil end
  return content.add_text(self, "reasoning_content", value)
end

function rules.refusal(self, value)
  return content.add_text(self, "refusal", value)
end

function rules.role(self, value)
  local text = coerce.text(value)
  if not text then return "the role is not a text" end
  fields.set(self.message, "role", text)
  return nil
end

function rules.tool_calls(self, value, _, whole)
  self.calls = self.calls or tool_calls.new()
  return tool_calls.add(self.calls, value, whole)
end

-- The deprecated predecessor of tool_calls.
function rules.function_call(self, value)
  if not coerce.is_object(value) then return "function_call is not an object" end
  self.function_call = self.function_call or fields.new()
  return tool_calls.add_function(self.function_call, value)
end

function rules.audio(self, value)
  if not coerce.is_object(value) then return "audio is not an object" end
  self.audio = self.audio or fields.new()
  fields.add(self.audio, value, AUDIO_GROWS)
  return nil
end

function rules.reasoning_details(self, value, _, whole)
  if type(value) ~= "table" then return "reasoning_details is not a list" end
  return reasoning.add(self, value, whole)
end

-- The common case first: a string is appended.
local function add_members(self, message, whole)
  local texts = self.message.texts
  for name, value in each(message) do
    local list = texts[name]
    if list and type(value) == "string" then
      append(list, value)
    elseif rules[name] then
      local problem = rules[name](self, value, message, whole)
      if problem then return problem end
    else
      fields.set(self.message, name, value)
    end
  end
  return nil
end

-- An empty text accompanies the role and is not content if the message has other members.
local function build_message(self)
  local message = fields.join(self.message)
  message.content = content.build(self)
  message.role = filled(message.role) and message.role or "assistant"
  message.tool_calls = self.calls and tool_calls.build(self.calls)
  message.function_call = self.function_call and tool_calls.build_function(self.function_call)
  message.audio = self.audio and fields.join(self.audio)
  message.reasoning_details = self.details and reasoning.build(self.details)
  local other = self.calls and self.calls[1] or message.function_call or filled(message.refusal)
  if message.content == "" and other then message.content = nil end
  return message
end

-- Choices -----------------------------------------------------------------------------------------

--- Makes an empty choice. Most choices have only text: what others have is created on first use.
function choice.new()
  return { message = fields.new() }
end

local function add_logprobs(self, logprobs)
  self.logprobs = self.logprobs or {}
  for name, list in each(logprobs) do
    if type(list) == "table" then
      local whole = self.logprobs[name] or core.array {}
      self.logprobs[name] = whole
      for _, item in ipairs(list) do whole[#whole + 1] = item end
    else
      self.logprobs[name] = list
    end
  end
end

-- Returns whether a finish_reason is unusable: not a text, or a word for none.
local function add_reason(self, value)
  local reason = coerce.reason(value)
  if reason then self.finish_reason = reason end
  if value and value ~= "" then self.odd_reason = value end
end

local function add_member(self, name, value)
  if name == "finish_reason" then
    add_reason(self, value)
  elseif name == "logprobs" and coerce.is_object(value) then
    add_logprobs(self, value)
  elseif name ~= "message" then
    self.other = self.other or {}
    self.other[name] = value
  end
end

local function says_something(delta)
  if type(delta) ~= "table" then return filled(delta) end
  for name, value in each(delta) do
    if name ~= "role" and filled(value) then return true end
  end
  return false
end

-- Returns the delta of a part, or its message unless that only repeats earlier deltas.
local function message_of(self, part, whole)
  local delta, message = part.delta, part.message
  if whole and message ~= nil then return message end
  if delta ~= nil then
    self.has_deltas = self.has_deltas or says_something(delta)
    if self.has_deltas or message == nil then return delta end
  end
  if self.has_deltas then return nil end
  return message
end

-- Is a message missing? A choice may end without one, for example by a content filter.
local function lacks_message(self, part, whole)
  if self.has_deltas then return false end
  return part.text ~= nil or (whole and not self.finish_reason and not self.failure)
end

--- Adds a part of a choice.
---@param self table
---@param part table
---@param whole boolean? is it all of the choice?
---@return string? problem why it can't be part of any reply
function choice.add(self, part, whole)
  for name, value in each(part) do
    if name ~= "delta" and name ~= "index" then add_member(self, name, value) end
  end
  if part.error or part.finish_reason then self.failure = self.failure or failure_of(part) end
  local message = message_of(self, part, whole)
  if message == nil and not lacks_message(self, part, whole) then return nil end
  if message == false or message == "" then return nil end
  if type(message) ~= "table" or message[1] ~= nil then return "a choice without a message" end
  return add_members(self, message, whole)
end

--- Returns the choice in the shape of a plain reply.
---@param self table
---@param index integer
---@return table
function choice.build(self, index)
  local built = tables.merged({ index = index, message = build_message(self) },
    self.other or {})
  built.finish_reason = self.finish_reason or self.odd_reason
  if self.logprobs then built.logprobs = self.logprobs end
  return built
end

return choice
