--- The content of a message: a text, or a list of parts.
---
--- Text parts are joined; thinking parts become reasoning_content; other parts keep their position,
--- and the content stays a list.

local each = require("novita.compat").each
local core = require("novita.core")
local next = require("novita.compat").next
local reasoning = require("novita.stream.reasoning")
local fields = require("novita.stream.fields")
local coerce = require("novita.stream.coerce")

local content = {}

local TEXT = { text = true, output_text = true }
local THINKING = { thinking = true, reasoning = true, reasoning_text = true }

-- Returns the number of text pieces.
local function count(choice)
  local list = choice.message.texts.content
  return list and list.n or 0
end

local function says_nothing(value)
  return not value or value == "" or (type(value) == "table" and next(value) == nil)
end

-- Returns the members of a part besides its type and text, or nil if all are empty.
local function others(part, text_member)
  local more
  for name, value in each(part) do
    if name ~= "type" and name ~= "index" and name ~= text_member and not says_nothing(value) then
      more = more or { type = part.type }
      more[name] = value
    end
  end
  return more
end

-- Keeps a part at its position. The text pieces after `from` belong to it.
local function keep(choice, part, from)
  choice.parts = choice.parts or {}
  table.insert(choice.parts, { from = from, to = count(choice), part = part })
end

local function add_text(choice, part)
  local name = coerce.text_member(part)
  local text = name and coerce.flatten(part[name]) or not name and ""
  if not text then return "a text part of the content has no text" end
  local from = count(choice)
  fields.grow(choice.message, "content", text)
  if others(part, name) then keep(choice, part, from) end
  return nil
end

-- Its text, if any, is added like any other.
local function add_other(choice, part)
  local from = count(choice)
  if type(part.text) == "string" then fields.grow(choice.message, "content", part.text) end
  keep(choice, part, from)
end

-- Other members of such a part, for example a signature, are kept in reasoning_details.
local function add_thinking(choice, part)
  local name = coerce.text_member(part)
  local text = name and coerce.flatten(part[name]) or not name and ""
  if not text then return "a thinking part of the content has no text" end
  if name then fields.grow(choice.message, "reasoning_content", text) end
  local more = others(part, name)
  return more and reasoning.add(choice, { more }) or nil
end

local function add_part(choice, part)
  if part == core.null then return nil end
  if type(part) ~= "table" or part[1] ~= nil then return content.add(choice, part) end
  local kind = part.type
  if THINKING[kind] or (kind == nil and part.thinking ~= nil) then
    return add_thinking(choice, part)
  elseif TEXT[kind] or (kind == nil and part.text ~= nil) then
    return add_text(choice, part)
  elseif kind == "refusal" and type(part.refusal) == "string" then
    fields.grow(choice.message, "refusal", part.refusal)
  else
    add_other(choice, part)
  end
  return nil
end

--- Adds a content, or a piece of one.
---@param choice table
---@param value any
---@return string? problem
function content.add(choice, value)
  local text = coerce.text(value)
  if text then
    fields.grow(choice.message, "content", text)
    return nil
  end
  if type(value) ~= "table" then return "the content is not a text" end
  if value.type ~= nil or value.text ~= nil then return add_part(choice, value) end
  if value[1] == nil and next(value) ~= nil then
    return "the content is neither a text nor a list of parts"
  end
  if value[1] == nil then fields.grow(choice.message, "content", "") end
  for _, part in ipairs(value) do
    local problem = add_part(choice, part)
    if problem then return problem end
  end
  return nil
end

--- Adds a field that is text only: reasoning, or a refusal. `false` means none.
---@param choice table
---@param name string
---@param value any
---@return string? problem
function content.add_text(choice, name, value)
  if value == false then return nil end
  local text = coerce.flatten(value)
  if not text then return ("the %s is not a text"):format(name) end
  fields.grow(choice.message, name, text)
  return nil
end

--- Returns the content so far: a text, or a list if there are parts of other types.
---@param choice table
---@return string|table|nil
function content.build(choice)
  local list = choice.message.texts.content
  if not choice.parts then return list and table.concat(list) end
  local built, at = {}, 0
  local function add_text_before(stop)
    local text = stop > at and table.concat(list, "", at + 1, stop) or ""
    if text ~= "" then built[#built + 1] = { type = "text", text = text } end
  end
  for _, kept in ipairs(choice.parts) do
    add_text_before(kept.from)
    built[#built + 1], at = kept.part, kept.to
  end
  add_text_before(count(choice))
  return built
end

--- Appends text to a content that has begun: the fast path for a chunk that is only text.
---@param choice table
---@param text string
---@return string? text nil where there is no such text, and nothing is added
function content.take(choice, text)
  local message = choice.message
  local list, role = message.texts.content, message.fields.role
  if not list or choice.said ~= list.n or (role and role ~= "assistant") then return nil end
  fields.append(list, text)
  choice.said = list.n
  return text
end

--- Returns the text of the content that has arrived since the last call of this, or nil.
---@param choice table
---@return string?
function content.news(choice)
  local list = choice.message.texts.content
  if not list then return nil end
  local said, n = choice.said or 0, list.n
  choice.said = n
  local text = list[n]
  if n ~= said + 1 then text = table.concat(list, "", said + 1, n) end
  return text ~= "" and text or nil
end

return content
