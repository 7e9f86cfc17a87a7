--- The tool calls of a streamed message, put together from their fragments.
---
--- Servers disagree on how a fragment names its call: by position, by id, by both, or by nothing at
--- all. The rules of find_call take all ways that were seen (behaviour 10.3).

local core = require("novita.core")
local pieces = require("novita.pieces")

local MAX_INDEX = 127 -- far more calls than any model makes at once; nothing is sized by it

local filled = pieces.filled

local toolcalls = {}

--- Is it a position, of a call or of a choice (n is at most 128)?
---@return boolean
function toolcalls.valid_index(index)
  return type(index) == "number" and index >= 0 and index <= MAX_INDEX and index % 1 == 0
end

--- No calls yet.
function toolcalls.new()
  return { by_id = {}, by_index = {} }
end

local function new_call(calls, index)
  local call = { order = #calls + 1, index = index, object = pieces.new(), fn = pieces.new() }
  calls[#calls + 1] = call
  return call
end

-- The call that a fragment belongs to, or nil if a new one begins with it. An id that is known
-- decides; then the position, unless it was taken by a call with another id; a fragment with
-- neither continues the last call.
local function find_call(calls, id, index)
  if filled(id) and calls.by_id[id] then return calls.by_id[id] end
  if index == nil and not filled(id) then return calls[#calls] end
  local call = calls.by_index[index or false]
  if call and (not filled(id) or not call.id) then return call end
  return nil
end

--- Adds a part of a function: its arguments are joined, never parsed early; a name that is repeated
--- means nothing, any other is the rest of it.
---@param fn table an object of pieces
---@param part table
function toolcalls.add_function(fn, part)
  for name, value in pairs(part) do
    if name == "arguments" then
      if type(value) == "table" then value = core.encode(value) end
      if type(value) == "string" then pieces.grow(fn, name, value) end
    elseif name ~= "name" then
      pieces.set(fn, name, value)
    elseif type(value) == "string" and value ~= fn.fields.name then
      fn.fields.name = (fn.fields.name or "") .. value
    end
  end
end

--- Adds one entry of delta.tool_calls. The id of a call is set once.
---@param calls table
---@param fragment any
---@return string? problem why it can't be part of any call
function toolcalls.add(calls, fragment)
  if type(fragment) ~= "table" then return "a tool call is not an object" end
  local id, index = fragment.id, fragment.index
  if index ~= nil and not toolcalls.valid_index(index) then
    return "the index of a tool call is not an integer of 0 to " .. MAX_INDEX
  end
  local call = find_call(calls, id, index) or new_call(calls, index)
  if index ~= nil then calls.by_index[index] = call end
  if filled(id) and not call.id then
    call.id, calls.by_id[id] = id, call
  end
  for name, value in pairs(fragment) do
    if name == "function" and type(value) == "table" then
      toolcalls.add_function(call.fn, value)
    elseif name ~= "id" and name ~= "index" then
      pieces.set(call.object, name, value)
    end
  end
  return nil
end

--- A function as a plain reply has it.
function toolcalls.build_function(fn)
  local built = pieces.join(fn)
  built.arguments = built.arguments or ""
  return built
end

local function before(a, b)
  local left, right = a.index or MAX_INDEX + 1, b.index or MAX_INDEX + 1
  if left ~= right then return left < right end
  return a.order < b.order
end

--- The calls as a plain reply has them: by position, without holes. nil if there are none.
---@return table[]?
function toolcalls.build(calls)
  if #calls == 0 then return nil end
  local sorted, built = {}, {}
  for position, call in ipairs(calls) do sorted[position] = call end
  table.sort(sorted, before)
  for position, call in ipairs(sorted) do
    local whole = pieces.join(call.object)
    whole.id, whole.index = call.id, call.index
    whole.type = whole.type or "function"
    whole["function"] = toolcalls.build_function(call.fn)
    built[position] = whole
  end
  return built
end

return toolcalls
