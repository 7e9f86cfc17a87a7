--- What a reply can do beside being a table; reply:text() and tostring(reply) are the C module's.

local core = require("novita.core")

---@class novita.Reply
---@field id? string
---@field model? string
---@field choices table[] index, finish_reason, and message with role, content, reasoning_content,
---  tool_calls
---@field usage? table prompt_tokens, completion_tokens, total_tokens ...
local methods = getmetatable(core.reply {}).__index

local function failure(kind, text, reply)
  return core.error { kind = kind, message = text, partial = reply }
end

-- The reasons to stop that leave a structured answer unfinished.
local unfinished = {
  length = { "length_finish", "the answer was cut at max_tokens" },
  content_filter = { "content_filter_finish", "the answer was cut by a content filter" },
}

--- The content of the first choice, read as JSON.
---@return any value nil if the model refused (see message.refusal) or answered nothing
---@return novita.Error? err kind length_finish, content_filter_finish or invalid_response; the
---  reply itself is in err.partial
function methods:json()
  local choice = self.choices[1]
  local stop = unfinished[choice.finish_reason or ""]
  if stop then return nil, failure(stop[1], stop[2], self) end
  local content = choice.message.content
  if choice.message.refusal or type(content) ~= "string" or content == "" then return nil end
  local value, err = core.decode(content)
  if err then
    return nil, failure("invalid_response", "the content is not JSON: " .. err.message, self)
  end
  return value
end

--- The tool calls of the first choice, their arguments read as JSON.
---@return { id: string, name: string, arguments: table, raw: string }[]? calls an empty list
---  if there are none
---@return novita.Error? err kind length_finish or invalid_response; the reply is in err.partial
function methods:tool_calls()
  local choice, calls = self.choices[1], {}
  for position, call in ipairs(choice.message.tool_calls or {}) do
    if choice.finish_reason == "length" then
      return nil, failure("length_finish", "a tool call was cut at max_tokens", self)
    end
    local fn = call["function"] or {}
    local raw = fn.arguments or ""
    local arguments, err = core.decode(raw == "" and "{}" or raw)
    if err then
      return nil, failure("invalid_response",
        ("the arguments of tool call %d (%s) are not JSON: %s"):format(position,
          tostring(fn.name), err.message), self)
    end
    calls[position] = { id = call.id, name = fn.name, arguments = arguments, raw = raw }
  end
  return calls
end

return methods
