--- What a reply can do beside being a table; reply:text() and tostring(reply) are the C module's.

local core = require("novita.core")

---@class novita.Reply
---@field id? string
---@field model? string
---@field choices table[] index, finish_reason, and message with role, content, reasoning_content,
---  tool_calls
---@field usage? table prompt_tokens, completion_tokens, total_tokens ...
---@field incomplete? boolean true if a stream was stopped or failed before its end
local methods = getmetatable(core.reply {}).__index

local function failure(kind, text, reply)
  return core.error { kind = kind, message = text, partial = reply }
end

-- The reasons to stop that leave an answer unfinished.
local unfinished = {
  length = { "length_finish", "the answer was cut at max_tokens" },
  content_filter = { "content_filter_finish", "the answer was cut by a content filter" },
}

-- Why nothing must be made of the first choice, or nil.
local function check_whole(self, choice)
  local stop = unfinished[choice.finish_reason]
  if stop then return failure(stop[1], stop[2], self) end
  if self.incomplete then
    return failure("stream_truncated", "the answer is only a part of one", self)
  end
  return nil
end

--- The content of the first choice, read as JSON.
---@return any value nil if the model refused (see message.refusal) or answered nothing
---@return novita.Error? err kind length_finish, content_filter_finish, stream_truncated or
---  invalid_response; the reply itself is in err.partial
function methods:json()
  local choice = self.choices[1]
  local content, refusal = choice.message.content, choice.message.refusal
  local err = check_whole(self, choice)
  if err then return nil, err end
  if (refusal or "") ~= "" or type(content) ~= "string" or content == "" then return nil end
  local value, problem = core.decode(content)
  if problem then
    return nil, failure("invalid_response", "the content is not JSON: " .. problem.message, self)
  end
  return value
end

-- Some servers send an object instead of the text of one, and some models null for no arguments.
local function read_arguments(raw)
  if type(raw) == "table" then return raw end
  if type(raw) ~= "string" or not raw:find("%S") then return {} end
  local arguments, problem = core.decode(raw)
  if problem then return nil, problem end
  if arguments == core.null then return {} end
  return arguments
end

--- The tool calls of the first choice, their arguments read as JSON.
---@return { id: string, name: string, arguments: table, raw: any }[]? calls raw: the arguments as
---  they came; an empty list if there are none
---@return novita.Error? err kind length_finish, content_filter_finish, stream_truncated or
---  invalid_response; the reply is in err.partial
function methods:tool_calls()
  local choice, calls = self.choices[1], {}
  for position, call in ipairs(choice.message.tool_calls or {}) do
    local err = check_whole(self, choice)
    if err then return nil, err end
    local fn = call["function"] or {}
    local arguments, problem = read_arguments(fn.arguments)
    if problem then
      return nil, failure("invalid_response",
        ("the arguments of tool call %d (%s) are not JSON: %s"):format(position,
          tostring(fn.name), problem.message), self)
    end
    calls[position] = { id = call.id, name = fn.name, arguments = arguments, raw = fn.arguments }
  end
  return calls
end

return methods
