-- Stores over a connection of the program's own: one that behaves as pgmoon does, and a plain one.

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

  it("has rows that are lists, of columns with equal names too", function()
    local rows = assert(store:query("select count(*), null, count(distinct name) from meta"))
    assert.are.same({ { 1, nil, 1, n = 3 }, changed = 0 }, rows)
    assert.are.same({ { count = 1 } }, connection:query("select count(*) from meta"))
    assert.are.equal(1, store:query("update meta set value = value").changed)
  end)

  it("keeps bytes, and commits and rolls back", function()
    local sql = "insert into call (batch, id, key, answer) values (1, 'b', 'c', $1)"
    assert(store:transaction(function() return store:query(sql, store:bytes("\0\255\\x")) end))
    local ok, err = store:transaction(function() return store:query(sql, store:bytes("")) end)
    assert.are.same({ "store", "constraint" }, { not ok and err.kind, err.reason })
    assert.are.equal("\0\255\\x", store:query("select answer from call")[1][1])
  end)

  it("has parameters whose types the server infers, to the last digit", function()
    local sql = "insert into limits values ($1, $2, $3, $4, $5)"
    assert(store:query(sql, "k", 0.1, 2 ^ 53, 1.7e9 + 0.123456, -1))
    assert.are.same({ "k", 0.1, 2 ^ 53, 1.7e9 + 0.123456, -1, n = 5 },
      store:query("select * from limits where key = $1 limit $2", "k", 1)[1])
    assert.has_error(function() connection:query("select $1", 1) end)
  end)

  it("says what the server says, and that the connection is lost, at once", function()
    local none, err = store:query("select nothing")
    assert.are.same({ "store", "sql" }, { not none and err.kind, err.reason })
    connection.closed = true
    none, err = store:query("select 1")
    assert.are.same({ "store", "connection" }, { not none and err.kind, err.reason })
    connection.closed = false
  end)

  it("may be any object whose rows are lists, and stays open", function()
    local plain = { query = function(_, ...) return db:query(...) end }
    local other = assert(novita.store(plain))
    assert.are.equal("postgres", other.kind)
    other:close()
    assert(db:query("select 1"))
    assert.has_error(function() novita.store({}) end)
  end)
end)
