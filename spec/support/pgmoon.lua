-- A connection that behaves as pgmoon does, over one of novita.postgres.
--
--   local db, connection, store
--   pgmoon.with(function(...) db, connection, store = ... end)
--   connection.closed = true                                   every query fails, as on a lost one
--
-- pgmoon's way: rows are tables by the names that parse_row_desc gives, columns of equal names are
-- one, errors are texts, and a statement without rows gives their count or true.

local busted = require("busted")

local compat = require("novita.compat")
local database = require("spec.support.database")
local engine = require("spec.support.stores").postgres
local novita = require("novita")

local pgmoon = {}
pgmoon.__index = pgmoon

function pgmoon.parse_row_desc(_, names)
  local fields = {}
  for index, name in ipairs(names) do fields[index] = { name, "string" } end
  return fields
end

local function typed() error("a parameter with a type") end
pgmoon.type_serializers = { string = typed, number = typed, boolean = typed }

-- The text of a parameter, whose type is not said.
local function serialize(self, value)
  if value == nil then return nil end
  local fn = self.type_serializers[type(value)]
  local oid, text = 0, tostring(value)
  if fn then oid, text = fn(self, value) end
  assert(oid == 0)
  return text
end

function pgmoon:query(sql, ...)
  local given, n = { ... }, select("#", ...)
  for index = 1, n do given[index] = serialize(self, given[index]) end
  if self.closed then return nil, "receive_message: failed to get type: closed" end
  local rows, err = self.db:query(sql, compat.unpack(given, 1, n))
  if not rows then return nil, "ERROR: " .. err.message end
  if not rows.columns then return rows.changed > 0 and { affected_rows = rows.changed } or true end
  local fields, list = self:parse_row_desc(rows.columns), {}
  for index, row in ipairs(rows) do
    list[index] = {}
    for column, field in ipairs(fields) do list[index][field[1]] = row[column] end
  end
  return list
end

--- Gives each test a connection of novita.postgres, one over it, and a store over that.
---@param take fun(db: table, connection: table, store: table)
function pgmoon.with(take)
  local db, store
  busted.setup(engine.setup)
  busted.before_each(function()
    db = database.postgres.open()
    local connection = setmetatable({ db = db }, pgmoon)
    store = assert(novita.store(connection))
    take(db, connection, store)
  end)
  busted.after_each(function()
    store:close()
    db:close()
    engine.clear()
  end)
end

return pgmoon
