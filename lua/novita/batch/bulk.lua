--- Statements that insert many rows at once: fewer round trips to a server, and in SQLite less work
--- around each row.

local compat = require("novita.compat")

local bulk = {
  --- Rows of a statement.
  ROWS = 16,
}

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

--- Makes a function that inserts bulk.ROWS rows, or any smaller number one by one.
---@param sql string with {values} where the rows stand
---@param columns integer of a row
---@return fun(store: novita.Store, list: table[]): integer?, novita.Error? insert a member of the
---  list has the values of a row, nil among them; the result is how many rows were inserted
function bulk.statement(sql, columns)
  local single = sql:gsub("{values}", values_of(columns, 1))
  local many = sql:gsub("{values}", values_of(columns, bulk.ROWS))
  return function(store, list)
    if #list == bulk.ROWS then
      local values = {}
      for index, row in ipairs(list) do
        local before = (index - 1) * columns
        for column = 1, columns do values[before + column] = row[column] end
      end
      local rows, err = store:query(many, compat.unpack(values, 1, #list * columns))
      return rows and rows.changed, err
    end
    local changed = 0
    for _, row in ipairs(list) do
      local rows, err = store:query(single, compat.unpack(row, 1, columns))
      if not rows then return nil, err end
      changed = changed + rows.changed
    end
    return changed
  end
end

return bulk
