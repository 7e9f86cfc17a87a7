--- Functions for the option retry_if, which reject complete but unusable answers. Each returns what
--- is wrong, or nil, so two can be joined by `or`.

local next = require("novita.compat").next

local retry_if = {}

--- No choice holds any text, tool call or refusal.
---@return "empty"?
function retry_if.empty(reply)
  for _, choice in ipairs(reply.choices or {}) do
    local message = choice.message or {}
    local content = message.content or message.refusal or ""
    if type(content) ~= "string" or content:find("%S") or next(message.tool_calls or {}) then
      return nil
    end
  end
  return "empty"
end

--- A choice was cut off at max_tokens.
---@return "length"?
function retry_if.length(reply)
  for _, choice in ipairs(reply.choices or {}) do
    if choice.finish_reason == "length" then return "length" end
  end
end

--- The text is not JSON.
---@return "not_json"?
function retry_if.not_json(reply)
  if reply:json() == nil then return "not_json" end
end

--- With the option parse: the answer is not JSON, or does not match the schema.
---@return "misfit"?
function retry_if.misfit(_, err)
  if err then return "misfit" end
end

return retry_if
