-- Stores over a connection of the program's own: one that behaves as pgmoon does, and a plain one.

local novita = require("novita")
local pgmoon = require("spec.support.pgmoon")

describe("a store over a connection, #postgres,", function()
  local db, connection, store

  pgmoon.with(function(...) db, connection, store = ... end)

  it("has rows that are lists, of columns with equal names too", function()
    local rows = assert(store:query("select count(*), null, count(distinct name) from meta"))
    assert.are.same({ { 1, nil, 1, n = 3 }, changed = 0 }, rows)
    assert.are.same({ { count = 1 } }, connection:query("select count(*) from meta"))
    assert.are.equal(1, store:query("update meta set value = value").changed)
  end)

  it("keeps bytes, and commits and rolls back", function()
    local sql = "insert into call_answer (n, body) values (1, $1)"
    assert(store:transaction(function() return store:query(sql, store:bytes("\0\255\\x")) end))
    local ok, err = store:transaction(function() return store:query(sql, store:bytes("")) end)
    assert.are.same({ "store", "constraint" }, { not ok and err.kind, err.reason })
    assert.are.equal("\0\255\\x", store:query("select body from call_answer")[1][1])
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
