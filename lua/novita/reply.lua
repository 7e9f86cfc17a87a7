--- Methods of replies written in Lua; reply:text() and tostring(reply) are in the C module.

local core = require("novita.core")
local misuse = require("novita.misuse")
local tool_calls = require("novita.stream.tool_calls")

---@class novita.Reply
---@field id? string
---@field model? string
---@field choices table[] index, finish_reason, and message with role, content (a text; a list if it
---  has parts that are neither text nor thinking), reasoning_content, tool_calls
---@field usage? table prompt_tokens, completion_tokens, total_tokens ...
---@field other? table members whose names are those of methods of a reply
---@field parsed? any the answer as a value, with the option parse
---@field incomplete? boolean true if a stream was stopped or failed before its end
local mt = getmetatable(core.reply {})
local methods = mt.__index

local function failure(kind, text, reply)
  return core.error { kind = kind, message = text, partial = reply }
end

-- Finish reasons of an incomplete answer.
local unfinished = {
  length = { "length_finish", "the answer was truncated at max_tokens" },
  content_filter = { "content_filter_finish", "the answer was truncated by a content filter" },
}

-- Returns why the first choice must not be used, or nil.
local function check_whole(self, choice)
  local stop = unfinished[choice.finish_reason]
  if stop then return failure(stop[1], stop[2], self) end
  if self.incomplete then
    return failure("stream_truncated", "the answer is incomplete", self)
  end
  return nil
end

-- Returns the message of the first choice, whatever the shape of the table, or nil.
local function first_of(self)
  local choice = type(self.choices) == "table" and self.choices[1]
  if type(choice) ~= "table" then choice = {} end
  return choice, type(choice.message) == "table" and choice.message or {}
end

-- Returns the content of a fenced Markdown block, if the text has exactly one.
local function fenced(text)
  text = "\n" .. text:gsub("\r\n", "\n") .. "\n"
  local _, from = text:find("\n[ \t]*```[%a]*[ \t]*\n")
  if not from then return nil end
  local to = text:find("\n[ \t]*```[ \t]*\n", from)
  if not to or text:find("\n[ \t]*```[%a]*[ \t]*\n", to + 1) then return nil end
  return text:sub(from + 1, to)
end

local function read_json(text)
  local value, problem = core.decode(text)
  local block = problem and fenced(text)
  if not block then return value, problem end
  return core.decode(block)
end

--- Decodes the content of the first choice as JSON; also if it is in a fenced block (```json).
---@return any value nil if the model refused (see message.refusal) or answered nothing
---@return novita.Error? err kind length_finish, content_filter_finish, stream_truncated or
---  invalid_response; the reply itself is in err.partial
function methods:json()
  local choice, message = first_of(self)
  local err = check_whole(self, choice)
  if err then return nil, err end
  local text = methods.text(self)
  if (message.refusal or "") ~= "" or not text or text == "" then return nil end
  local value, problem = read_json(text)
  if problem then
    return nil, failure("invalid_response", "the content is not JSON: " .. problem.message, self)
  end
  return value
end

-- Returns a call in the shape of tool_calls(), or nil and why it is invalid.
local function read_call(call)
  if type(call) ~= "table" then return nil, "is not an object" end
  local fn = type(call["function"]) == "table" and call["function"] or {}
  local arguments, problem = tool_calls.read_arguments(fn.arguments)
  if not arguments then
    return nil, ("(%s) has arguments that are %s"):format(tostring(fn.name), problem)
  end
  return { id = call.id, name = fn.name, arguments = arguments, raw = fn.arguments }
end

--- Returns the tool calls of the first choice, with their arguments decoded.
---@return { id: string, name: string, arguments: table, raw: any }[]? calls raw: the arguments as
---  they came; an empty list if there are none
---@return novita.Error? err kind length_finish, content_filter_finish, stream_truncated or
---  invalid_response; the reply is in err.partial
function methods:tool_calls()
  local choice, message = first_of(self)
  local list, calls = message.tool_calls, {}
  if type(list) ~= "table" or list[1] == nil then return calls end
  local err = check_whole(self, choice)
  if err then return nil, err end
  for position, call in ipairs(list) do
    local read, problem = read_call(call)
    if not read then
      return nil, failure("invalid_response", ("tool call %d %s"):format(position, problem), self)
    end
    calls[position] = read
  end
  return calls
end

misuse.guard("reply", mt)

return methods
