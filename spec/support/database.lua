-- A database for each spec, by SQLite and by PostgreSQL.
--
--   for _, engine in ipairs(database.engines) do
--     describe("a database by " .. engine.name, function()
--       setup(engine.setup)
--       local db = engine.open()           the same one until engine.clear()

local luassert = require("luassert")

local files = require("spec.support.files")
local postgres = require("spec.support.postgres")

local database = {}

local sqlite = { name = "SQLite", bytes = "blob", float = "real",
  functions = { "blob", "built_for", "lock", "locked", "open", "version" },
  methods = { "begin", "close", "commit", "moved", "query", "rollback" } }

function sqlite.setup() sqlite.module = require("novita.sqlite") end

function sqlite.open()
  sqlite.dir = sqlite.dir or files.folder()
  return assert(sqlite.module.open(sqlite.dir .. "/spec.db"))
end

function sqlite.clear()
  if sqlite.dir then os.execute("rm -r " .. sqlite.dir) end
  sqlite.dir = nil
end

local pg = { name = "#postgres", bytes = "bytea", float = "float8",
  functions = { "blob", "built_for", "open", "version" },
  methods = { "begin", "close", "commit", "query", "rollback" } }

function pg.setup()
  pg.module = require("novita.postgres")
  pg.server = postgres.shared()
end

function pg.open()
  return assert(pg.module.open(pg.server.address))
end

--- Two connections to a database with a table t, of the rows (1, 0) and (2, 0).
function pg.pair()
  local one, two = pg.open(), pg.open()
  assert(one:query("create table t (id integer primary key, x integer)"))
  assert(one:query("insert into t values (1, 0), (2, 0)"))
  return one, two
end

--- Empties the database, once these connections are closed.
function pg.clear(...)
  for _, opened in ipairs { ... } do opened:close() end
  local db = pg.open()
  assert(db:query("drop schema public cascade"))
  assert(db:query("create schema public"))
  db:close()
end

database.engines = { sqlite, pg }
database.sqlite, database.postgres = sqlite, pg

--- The row of a query that has one.
function database.row(db, sql, ...)
  local rows, err = db:query(sql, ...)
  if not rows then error(tostring(err), 2) end
  assert(#rows == 1, "one row expected")
  return rows[1]
end

--- The reason and the code of a query's error.
---@return table
function database.why(ok, err)
  luassert.is_nil(ok)
  luassert.are.equal("store", err.kind)
  return { err.reason, err.code }
end

return database
