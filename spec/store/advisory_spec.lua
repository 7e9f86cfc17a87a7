-- The locks of a store on a PostgreSQL connection.

local compat = require("novita.compat")
local database = require("spec.support.database")
local engine = require("spec.support.stores").postgres
local novita = require("novita")

-- pgmoon's way: rows are tables by the names that parse_row_desc gives, columns of equal names are
-- one, errors are texts, and a statement without rows gives their count or true.
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

describe("a store over a connection, #postgres,", function()
  local db, connection, store

  setup(engine.setup)
  before_each(function()
    db = database.postgres.open()
    connection = setmetatable({ db = db }, pgmoon)
    store = assert(novita.store(connection))
  end)
  after_each(function()
    store:close()
    db:close()
    engine.clear()
  end)

  it("has locks", function()
    local lock = assert(store:lock("run"))
    local other = engine.open()
    assert.are.equal("locked", select(2, other:lock("run")).reason)
    lock:release()
    assert(other:lock("run"))
  end)
end)
