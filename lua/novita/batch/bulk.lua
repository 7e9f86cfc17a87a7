--- Statements that insert many rows at once: fewer round trips to a server, and in SQLite less work
--- around each row.

local compat = require("novita.compat")

local bulk = {}

local SIZES = { 16, 4, 1 } -- rows of a statement

-- "($1, $2), ($3, $4)" for two rows of two columns.
local function values_of(columns, rows)
  local groups = {}
  for row = 1, rows do
    local names = {}
    for column = 1, columns do names[column] = "$" .. (row - 1) * columns + column end
    groups[row] = "(" .. table.concat(names, ", ") .. ")"
  end
  return table.concat(groups, ", ")
end

-- The values of some rows in one list, nil among them.
local function flat(list, first, last, columns)
  local values, before = {}, 0
  for index = first, last do
    local row = list[index]
    for column = 1, columns do values[before + column] = row[column] end
    before = before + columns
  end
  return compat.unpack(values, 1, before)
end

--- Makes a function that inserts any number of rows.
---@param sql string with {values} where the rows stand
---@param columns integer of a row
---@return fun(store: novita.Store, list: table[]): integer?, novita.Error? insert a member of the
---  list has the values of a row, nil among them; the result is how many rows were inserted
function bulk.statement(sql, columns)
  local statements = {}
  for _, size in ipairs(SIZES) do
    statements[size] = sql:gsub("{values}", values_of(columns, size))
  end
  return function(store, list)
    local changed, first = 0, 1
    for _, size in ipairs(SIZES) do
      while first + size - 1 <= #list do
        local rows, err = store:query(statements[size],
          flat(list, first, first + size - 1, columns))
        if not rows then return nil, err end
        changed, first = changed + rows.changed, first + size
      end
    end
    return changed
  end
end

return bulk
