--- Converts values of an unexpected type where their meaning is plain.
---
--- Servers that parse each token as JSON send 6 for "6" and true for "true"; others wrap a text in
--- an object or in a list of parts.

local core = require("novita.core")
local next = require("novita.compat").next

local coerce = {}

-- The members that hold the text of a part: OpenAI, Mistral, Anthropic, and compatible servers.
local TEXTS = { "text", "thinking", "reasoning", "content", "summary", "value" }

--- Returns a value as text: a number or a boolean as its JSON.
---@param value any
---@return string? text nil if the value is of another type
function coerce.text(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" or kind == "boolean" then return (core.encode(value)) end
  return nil
end

-- Values of finish_reason that mean none.
local NO_REASON = { [""] = true, null = true, None = true, none = true }

--- Returns the finish reason of a choice, or nil if the value means none.
---@param value any
---@return string?
function coerce.reason(value)
  if type(value) ~= "string" or NO_REASON[value] then return nil end
  return value
end

--- Is it an object, or a list with nothing in it?
---@return boolean
function coerce.is_object(value)
  return type(value) == "table" and value[1] == nil
end

--- Returns the name of the member that holds the text of a part.
---@param part table
---@return string?
function coerce.text_member(part)
  for _, name in ipairs(TEXTS) do
    if part[name] ~= nil then return name end
  end
  return nil
end

local function join(list)
  local texts = {}
  for _, part in ipairs(list) do
    local text = part ~= core.null and coerce.flatten(part) or part == core.null and ""
    if not text then return nil end
    texts[#texts + 1] = text
  end
  return table.concat(texts)
end

--- Returns the text in a value, whether in parts, in lists or in both.
---@param value any
---@return string? text nil if there is something else in it
function coerce.flatten(value)
  if type(value) ~= "table" then return coerce.text(value) end
  if value[1] ~= nil or next(value) == nil then return join(value) end
  local name = coerce.text_member(value)
  return name and coerce.flatten(value[name])
end

return coerce
