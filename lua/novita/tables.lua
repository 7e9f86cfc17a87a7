--- Tables of names and values.

local each = require("novita.compat").each
local next = require("novita.compat").next

local tables = {}

--- Merges tables into a new one. Of several values with the same name the last one is taken.
---@param ... table
---@return table
function tables.merged(...)
  local whole = {}
  for index = 1, select("#", ...) do
    for name, value in each((select(index, ...))) do whole[name] = value end
  end
  return whole
end

--- Returns whether a value is a list; an empty table is one.
---@param value any
---@return boolean
function tables.is_list(value)
  return type(value) == "table" and (value[1] ~= nil or next(value) == nil)
end

--- Returns whether a list has no holes: whether its length tells all its elements.
---@param list table
---@return boolean
function tables.is_dense(list)
  local count, last = 0, 0
  for key in each(list) do
    if type(key) == "number" then
      if key < 1 or key % 1 ~= 0 then return false end
      count, last = count + 1, math.max(last, key)
    end
  end
  return count == last
end

return tables
