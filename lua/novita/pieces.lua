--- An object that comes in parts: fields that grow by pieces of text, and fields that are set.
---
--- Pieces are collected in lists and joined at the end, so that a long text costs linear time. A
--- part may hold anything: what should be text and is not is set like any other field.

local pieces = {}

--- An object without fields.
function pieces.new()
  return { fields = {}, texts = {} }
end

--- Does it say something?
---@return boolean
function pieces.filled(value)
  return value ~= nil and value ~= ""
end

--- Adds a piece to a text that has begun.
---@param list table object.texts[name]
---@param text string
function pieces.append(list, text)
  local n = list.n + 1 -- counted: # would search the end of a long list for each piece
  list.n = n
  list[n] = text
end

--- Adds a piece of text to a field.
---@param text string
function pieces.grow(object, name, text)
  local list = object.texts[name]
  if not list then
    list = { n = 0 }
    object.texts[name] = list
  end
  pieces.append(list, text)
end

--- Sets a field; the last value that says something counts.
function pieces.set(object, name, value)
  if pieces.filled(value) or object.fields[name] == nil then object.fields[name] = value end
end

--- Adds a field of a part.
---@param object table
---@param grows table<string, boolean> the names of the fields that grow
function pieces.take(object, name, value, grows)
  if grows[name] and type(value) == "string" then
    pieces.grow(object, name, value)
  else
    pieces.set(object, name, value)
  end
end

--- Adds all fields of a part.
---@param object table
---@param part table
---@param grows table<string, boolean>
function pieces.add(object, part, grows)
  for name, value in pairs(part) do pieces.take(object, name, value, grows) end
end

--- The whole object, as far as it has come.
---@return table
function pieces.join(object)
  local whole = {}
  for name, value in pairs(object.fields) do whole[name] = value end
  for name, list in pairs(object.texts) do whole[name] = table.concat(list) end
  return whole
end

return pieces
