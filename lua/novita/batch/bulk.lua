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

--- Makes a function that inserts any number of rows.
---@param sql string with {values} where the rows stand
---@param columns integer of a row
---@return fun(store: novita.Store, values: table, count: integer): integer?, novita.Error? insert
---  the values of so many rows, one row after the other, with holes for nil; the result is how many
---  rows were inserted
function bulk.statement(sql, columns)
  local statements = {}
  for _, size in ipairs(SIZES) do
    statements[size] = sql:gsub("{values}", values_of(columns, size))
  end
  return function(store, values, count)
    local changed, done = 0, 0
    for _, size in ipairs(SIZES) do
      while done + size <= count do
        local rows, err = store:query(statements[size],
          compat.unpack(values, done * columns + 1, (done + size) * columns))
        if not rows then return nil, err end
        changed, done = changed + rows.changed, done + size
      end
    end
    return changed
  end
end

return bulk
