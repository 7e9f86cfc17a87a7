--- An object that arrives in parts: text fields are appended to, other fields are set.
---
--- Text is collected in lists and joined at the end, so a long text costs linear time. A text field
--- whose value is not text is set like any other field.

local each = require("novita.compat").each
local tables = require("novita.tables")
local coerce = require("novita.stream.coerce")

local fields = {}

--- Makes an object without fields.
function fields.new()
  return { fields = {}, texts = {} }
end

--- Returns whether a value is not empty.
---@return boolean
function fields.filled(value)
  return value ~= nil and value ~= ""
end

--- Appends to a text that has begun.
---@param list table object.texts[name]
---@param text string
function fields.append(list, text)
  local n = list.n + 1 -- a counter: # takes logarithmic time
  list.n = n
  list[n] = text
end

--- Appends text to a field.
---@param text string
function fields.grow(object, name, text)
  local list = object.texts[name]
  if not list then
    list = { n = 0 }
    object.texts[name] = list
  end
  fields.append(list, text)
end

--- Sets a field; an empty value does not replace another one.
function fields.set(object, name, value)
  if fields.filled(value) or object.fields[name] == nil then object.fields[name] = value end
end

--- Adds a field of a part.
---@param object table
---@param grows table<string, boolean> the names of the fields that grow
function fields.take(object, name, value, grows)
  local text = grows[name] and coerce.text(value)
  if text then
    fields.grow(object, name, text)
  else
    fields.set(object, name, value)
  end
end

--- Adds all fields of a part.
---@param object table
---@param part table
---@param grows table<string, boolean>
function fields.add(object, part, grows)
  for name, value in each(part) do fields.take(object, name, value, grows) end
end

--- Returns the object so far.
---@return table
function fields.join(object)
  local whole = tables.merged(object.fields)
  for name, list in each(object.texts) do whole[name] = table.concat(list) end
  return whole
end

return fields
