--- Assembles the tool calls of a message from their fragments.
---
--- Servers disagree on how a fragment names its call: by index, by id, by both, or not at all. The
--- rules of find_call accept all of these.

local each = require("novita.compat").each
local core = require("novita.core")
local fields = require("novita.stream.fields")
local coerce = require("novita.stream.coerce")
local next = require("novita.compat").next

local MAX_INDEX = 127 -- far more calls than any model makes at once; nothing is sized by it

local CUSTOM_GROWS = { input = true }

local filled = fields.filled

local tool_calls = {}

--- Is it an index of a call or of a choice (n is at most 128)?
---@return boolean
function tool_calls.valid_index(index)
  return type(index) == "number" and index >= 0 and index <= MAX_INDEX and index % 1 == 0
end

--- Makes an empty list of calls.
function tool_calls.new()
  return { by_id = {}, by_index = {} }
end

-- Routing -----------------------------------------------------------------------------------------

local function new_call(calls, index)
  local call = { order = #calls + 1, index = index, object = fields.new(), fn = fields.new() }
  calls[#calls + 1] = call
  return call
end

-- A closed object can't be continued; a number could.
local function is_whole(fn)
  local list = fn.texts.arguments
  if not list or not list[list.n]:find("}%s*$") then return false end
  return type((core.decode(table.concat(list)))) == "table"
end

-- The text of arguments, or of a piece of them.
local function text_of(arguments)
  if type(arguments) == "table" then return (core.encode(arguments)) end
  return coerce.text(arguments)
end

-- Does a fragment hold a complete object?
local function says_all(fn)
  local text = text_of(fn.arguments)
  return text ~= nil and text:find("^%s*{.*}%s*$") ~= nil
end

-- Does a fragment only repeat what the call has already?
local function repeats(call, fn)
  local list = call.fn.texts.arguments
  return list and says_all(fn) and table.concat(list) == text_of(fn.arguments)
end

-- Does a fragment with the id of a call begin another call? Some servers give one id to all.
local function shares_id(calls, call, fn)
  if not filled(fn.name) or not is_whole(call.fn) then return false end
  if fn.name ~= call.fn.fields.name then return true end
  return says_all(fn) and (call.delta == calls.delta or not repeats(call, fn))
end

-- Does a fragment with a name and no id begin another call than the one it would be added to?
local function begins_another(calls, call, index, fn)
  local name = call.fn.fields.name
  if not name or not filled(fn.name) then return false end
  if call.delta == calls.delta or (index == nil and fn.name ~= name) then return true end
  return (fn.name ~= name or filled(fn.arguments)) and is_whole(call.fn)
end

-- Returns the call at an index, or the last call for a fragment without an index. A fragment at a
-- new index begins a call if it has a name, unless the last call has an id and this name (servers
-- that repeat the name); without a name its index is wrong.
local function call_at(calls, index, fn)
  local last = calls[#calls]
  if index == nil or not last then return last end
  local call = calls.by_index[index]
  if call or not filled(fn.name) then return call or last end
  return last.id and last.fn.fields.name == fn.name and last or nil
end

-- Returns the call that a fragment belongs to, or nil if it begins a new one. A known id decides,
-- unless calls share it; an unknown id begins a call, unless the call at its index has none yet.
local function find_call(calls, id, index, fn)
  local known = id and calls.by_id[id]
  if known then return not shares_id(calls, known, fn) and known or nil end
  local call
  if id then
    call = index ~= nil and calls.by_index[index] or nil
    if call and call.id then return nil end
  else
    call = call_at(calls, index, fn)
  end
  if call and begins_another(calls, call, index, fn) then return nil end
  return call
end

-- Parts -------------------------------------------------------------------------------------------

-- An empty object is a placeholder for the fragments that follow.
local function add_arguments(fn, value)
  local text = text_of(value)
  if not text then return "the arguments of a call can't be read" end
  if type(value) == "string" or text ~= "{}" then fields.grow(fn, "arguments", text) end
  return nil
end

local function add_name(fn, value)
  local text = coerce.text(value)
  if not text then return "the name of a function is not a text" end
  if text ~= fn.fields.name then fn.fields.name = (fn.fields.name or "") .. text end
  return nil
end

--- Adds a part of a function: arguments are joined and not parsed before the end; a repeated name
--- is ignored, any other name is appended.
---@param fn table an object of pieces
---@param part table
---@return string? problem
function tool_calls.add_function(fn, part)
  for name, value in each(part) do
    local problem
    if name == "arguments" then
      problem = add_arguments(fn, value)
    elseif name == "name" then
      problem = add_name(fn, value)
    else
      fields.set(fn, name, value)
    end
    if problem then return problem end
  end
  return nil
end

-- Adds a member of a fragment.
local function add_member(call, name, value)
  if name == "function" or name == "custom" then
    if not coerce.is_object(value) then
      return ("the %s of a tool call is not an object"):format(name)
    end
    if name == "function" then return tool_calls.add_function(call.fn, value) end
    call.custom = call.custom or fields.new()
    fields.add(call.custom, value, CUSTOM_GROWS)
  elseif name ~= "id" and name ~= "index" then
    fields.set(call.object, name, value)
  end
  return nil
end

-- Returns the id of a fragment, nil for a blank one, or nil and the problem.
local function id_of(fragment)
  local id = fragment.id
  if id == nil or id == false then return nil end
  id = coerce.text(id)
  if not id then return nil, "the id of a tool call is not a text" end
  return id:find("%S") and id or nil
end

-- Adds a fragment; each entry of a whole message is a separate call.
local function add(calls, fragment, whole)
  if not coerce.is_object(fragment) then return "a tool call is not an object" end
  local id, problem = id_of(fragment)
  if problem then return problem end
  local index = fragment.index
  if index ~= nil and not tool_calls.valid_index(index) then
    return "the index of a tool call is not an integer of 0 to " .. MAX_INDEX
  end
  local fn = type(fragment["function"]) == "table" and fragment["function"] or {}
  local call = not whole and find_call(calls, id, index, fn)
  if call and call.delta ~= calls.delta and repeats(call, fn) then return nil end
  if not call then
    call = new_call(calls, index)
    if index ~= nil then calls.by_index[index] = call end
    call.delta = calls.delta
  end
  if id and not call.id then
    call.id, calls.by_id[id] = id, call
  elseif type(fragment.id) == "string" then
    call.blank = call.blank or fragment.id
  end
  for name, value in each(fragment) do
    problem = add_member(call, name, value)
    if problem then return problem end
  end
  return nil
end

--- Adds the entries of delta.tool_calls, or of message.tool_calls.
---@param calls table
---@param list any a list, or its only entry
---@param whole boolean? is each entry a whole call?
---@return string? problem why an entry can't be part of any call
function tool_calls.add(calls, list, whole)
  if list == false or list == "" then return nil end
  if type(list) ~= "table" then return "tool_calls is not a list" end
  calls.delta = (calls.delta or 0) + 1 -- as a list, so that an empty one stays one
  if list["function"] ~= nil or list.id ~= nil then return add(calls, list, whole) end
  if list[1] == nil and next(list) ~= nil then return "tool_calls is not a list" end
  for _, fragment in ipairs(list) do
    local problem = add(calls, fragment, whole)
    if problem then return problem end
  end
  return nil
end

-- Results -----------------------------------------------------------------------------------------

--- Returns a function in the shape of a plain reply. Missing arguments become "{}", since a server
--- that receives the call again parses them as JSON.
function tool_calls.build_function(fn)
  local built = fields.join(fn)
  if not (built.arguments and built.arguments:find("%S")) then built.arguments = "{}" end
  return built
end

--- Returns the arguments of a call as a table. Some models send null for none, some servers an
--- object, or JSON that is encoded twice.
---@param raw any as they came
---@return table? arguments
---@return string? problem
function tool_calls.read_arguments(raw)
  if type(raw) == "table" then return raw end
  if raw == nil or raw == false or (type(raw) == "string" and not raw:find("%S")) then return {} end
  if type(raw) ~= "string" then return nil, "not an object" end
  local value, problem = core.decode(raw)
  if type(value) == "string" then value, problem = core.decode(value) end
  if problem then return nil, "not JSON: " .. problem.message end
  if value == core.null then return {} end
  if type(value) ~= "table" then return nil, "not an object" end
  return value
end

local function before(a, b)
  local left, right = a.index or MAX_INDEX + 1, b.index or MAX_INDEX + 1
  if left ~= right then return left < right end
  return a.order < b.order
end

local function build_call(call)
  local whole = fields.join(call.object)
  whole.id, whole.index = call.id or call.blank, call.index
  whole.custom = call.custom and fields.join(call.custom)
  if not filled(whole.type) then whole.type = whole.custom and "custom" or "function" end
  if not whole.custom then whole["function"] = tool_calls.build_function(call.fn) end
  return whole
end

--- Returns the calls in the shape of a plain reply: by index, without holes; nil without a list.
---@return table[]?
function tool_calls.build(calls)
  if not calls.delta then return nil end
  local sorted, built = {}, core.array {}
  for position, call in ipairs(calls) do sorted[position] = call end
  table.sort(sorted, before)
  for position, call in ipairs(sorted) do built[position] = build_call(call) end
  return built
end

--- Returns why a complete call can't be made, or nil.
---@param list table[]? what build() gave
---@return string? problem
function tool_calls.check(list)
  for position, call in ipairs(list or {}) do
    local fn = call["function"] or call.custom
    if not filled(fn.name) then return ("tool call %d has no name"):format(position) end
  end
  return nil
end

return tool_calls
