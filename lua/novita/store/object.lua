--- The backend of stores over a connection to PostgreSQL that the program has opened: an object
--- with query(sql, ...), such as that of pgmoon in OpenResty.

local advisory = require("novita.store.advisory")
local compat = require("novita.compat")
local core = require("novita.core")
local words = require("novita.store.words")

local each = compat.each

local object = {}

-- Reasons by the text of an error, for connections that give no SQLSTATE.
local REASONS = {
  { "could not serialize", "serialization" }, { "deadlock detected", "serialization" },
  { "violates .* constraint", "constraint" }, { "could not obtain lock", "busy" },
  { "^%u+: ", "sql" }, -- all else that the server says
}

---@class novita.StoreObject a connection as a novita.Database
local db_methods = {}
local db_mt = { __index = db_methods }

local function error_of(problem)
  if type(problem) == "table" and problem.kind then return problem end
  local text = tostring(problem)
  for _, pair in ipairs(REASONS) do
    if text:find(pair[1]) then
      return core.error { kind = "store", reason = pair[2], message = text }
    end
  end
  return core.error { kind = "store", reason = "connection", message = text }
end

-- pgmoon names the members of a row by the fields that this method returns. Fields named by their
-- numbers make a row a list, whose columns may have equal names.
local function by_position(connection, count)
  local original = connection.parse_row_desc
  return function(...)
    local fields = original(...)
    for index, field in ipairs(fields) do field[1] = index end
    count.n = #fields
    return fields
  end
end

-- pgmoon gives parameters the types of Lua. Without one (0) the server infers it, as it does for
-- novita.postgres; and a number keeps all its digits.
local SERIALIZERS = {
  number = function(_, value)
    return 0, (value % 1 == 0 and "%.0f" or "%.17g"):format(value)
  end,
}

-- Calls the query of a connection with members of its own, which are taken back afterwards.
local function query_with(members, connection, ...)
  local before = {}
  for name, member in each(members) do
    before[name] = rawget(connection, name)
    rawset(connection, name, member)
  end
  local ok, rows, err = compat.pcall(connection.query, connection, ...)
  for name in each(members) do rawset(connection, name, before[name]) end
  if not ok then error(rows, 0) end
  return rows, err
end

local function query(connection, sql, ...)
  if not connection.parse_row_desc then return connection:query(sql, ...) end
  local count = {}
  local rows, err = query_with({
    parse_row_desc = by_position(connection, count), type_serializers = SERIALIZERS,
  }, connection, sql, ...)
  for _, row in ipairs(type(rows) == "table" and rows or {}) do row.n = count.n end
  return rows, err
end

--- Runs a statement.
---@param sql string
---@param ... novita.Value
---@return novita.Rows? rows nil on failure
---@return novita.Error? err
function db_methods:query(sql, ...)
  local rows, err = query(self.connection, sql, ...)
  if rows == nil or rows == false then return nil, error_of(err) end
  if type(rows) ~= "table" then rows = {} end
  rows.changed = rows.changed or rows.affected_rows or 0
  return rows
end

local function command(sql)
  return function(self)
    local rows, err = self:query(sql)
    return rows and true, err
  end
end

db_methods.begin, db_methods.commit = command("begin"), command("commit")
db_methods.rollback = command("rollback")

--- The connection is the program's, who closes it.
function db_methods.close() end

---@class novita.ObjectBackend: novita.StoreBackend
local methods = {
  kind = "postgres", words = words.postgres, once = true,
  guard = advisory.guard, lock = advisory.lock, locked = advisory.locked,
}
local mt = { __index = methods }

--- Bytes as the server reads them in a text.
---@param text string
---@return string
function methods.bytes(text)
  return "\\x" .. text:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
end

--- Returns the connection.
---@return novita.Database
function methods:open()
  return setmetatable({ connection = self.connection }, db_mt)
end

function mt.__tostring() return "postgres connection" end

--- Makes the backend of a connection.
---@param connection table with query(sql, ...)
---@return novita.ObjectBackend
function object.new(connection)
  return setmetatable({ connection = connection }, mt)
end

return object
