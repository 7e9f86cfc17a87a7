--- Structured reasoning: message.reasoning_details (OpenRouter, MiniMax).
---
--- Parts with the same index and type are joined. Without an index, the first part of a delta is
--- appended to the last one before it if that has the same type.

local core = require("novita.core")
local fields = require("novita.stream.fields")
local coerce = require("novita.stream.coerce")
local next = require("novita.compat").next

local filled = fields.filled

local reasoning = {}

local GROWS = { text = true, summary = true }

local function key_of(part)
  return part.index ~= nil and tostring(part.index) .. " " .. tostring(part.type) or nil
end

-- Encrypted reasoning arrives in one piece: a second one is another part.
local function goes_on(detail, part)
  return not (filled(part.data) and filled(detail.fields.data))
end

local function find(self, part, last)
  local key = key_of(part)
  local detail = key and self.by_key[key] or not key and last
  if not detail or not goes_on(detail, part) then return nil end
  if not key and (detail.fields.index ~= nil or detail.fields.type ~= part.type) then return nil end
  return detail
end

local function add(self, part, last)
  local detail = find(self, part, last)
  if not detail then
    detail = fields.new()
    self[#self + 1] = detail
    local key = key_of(part)
    if key then self.by_key[key] = detail end
  end
  fields.add(detail, part, GROWS)
end

--- Adds the parts of a delta, or those of a whole message, which are never merged, to the details
--- of a choice.
---@param choice table
---@param list table
---@param whole boolean?
---@return string? problem
function reasoning.add(choice, list, whole)
  local self = choice.details or { by_key = {} }
  choice.details = self
  local last = self[#self]
  if list[1] == nil and next(list) ~= nil then list = { list } end
  if whole then self.by_key, last = {}, nil end
  for position, part in ipairs(list) do
    if part ~= core.null then
      if not coerce.is_object(part) then return "a part of reasoning_details is not an object" end
      if whole then self.by_key = {} end
      add(self, part, position == 1 and last or nil)
    end
  end
  return nil
end

--- Returns the parts in the shape of a plain reply.
---@return table[]
function reasoning.build(self)
  local built = core.array {}
  for position, detail in ipairs(self) do built[position] = fields.join(detail) end
  return built
end

return reasoning
