-- Connections of novita.postgres: lost, refused, in each other's way; addresses.
-- Covers: src/sql/postgres_error.c lua/novita/postgres.lua

local child = require("spec.support.child")
local database = require("spec.support.database")

local engine = database.postgres
local row = database.row

describe("a connection of novita.postgres, #postgres,", function()
  local postgres, server, one, two

  setup(function()
    engine.setup()
    postgres, server = engine.module, engine.server
  end)
  before_each(function()
    one, two = engine.open(), engine.open()
    assert(one:query("create table t (id integer primary key, x integer)"))
    assert(one:query("insert into t values (1, 0), (2, 0)"))
  end)
  after_each(function()
    one:close()
    two:close()
    engine.clear()
  end)

  local function why(ok, err)
    assert.is_nil(ok)
    assert.are.equal("store", err.kind)
    return { err.reason, err.code }
  end

  it("that the server ends is lost, and says so until it is opened anew", function()
    local pid = row(one, "select pg_backend_pid()")[1]
    assert.are.same({ true, n = 1 }, row(two, "select pg_terminate_backend($1)", pid))
    assert.are.same({ "connection" }, why(one:query("select 1")))
    assert.are.same({ "connection" }, why(one:begin()))
    assert.are.equal("novita.postgres (lost)", tostring(one))
    one:close()
    one = engine.open()
    assert.are.same({ 1, n = 1 }, row(one, "select 1"))
  end)

  for _, mode in ipairs { "fast", "immediate" } do
    it("is lost where the server stops (" .. mode .. "), and its transaction is undone", function()
      assert(one:begin())
      assert(one:query("update t set x = 1"))
      server:stop(mode)
      assert.are.same({ "connection" }, why(one:query("update t set x = 2")))
      assert.are.same({ "connection" }, why(one:commit()))
      assert.are.same({ "connection" }, why(one:rollback()))
      assert.are.same({ "connection" }, why(postgres.open(server.address)))
      server:resume()
      one:close()
      two:close()
      one, two = engine.open(), engine.open()
      assert.are.same({ 0, n = 1 }, row(one, "select sum(x)::integer from t"))
    end)
  end

  it("can't serialize what another has changed", function()
    assert(one:query("begin isolation level repeatable read"))
    assert(one:query("select * from t"))
    assert(two:query("update t set x = 1 where id = 1"))
    assert.are.same({ "serialization", "40001" }, why(one:query("update t set x = 2 where id = 1")))
    assert.is_true(one:rollback())
  end)

  it("is freed from a deadlock", function()
    local process = child.start(([[
      local db = assert(require("novita.postgres").open(%q))
      assert(db:query("set deadlock_timeout = '10s'"))
      assert(db:begin())
      assert(db:query("update t set x = 1 where id = 2"))
      assert(db:query("update t set x = 1 where id = 1"))
      assert(db:commit())]]):format(server.address))
    assert(two:query("set deadlock_timeout = '10ms'"))
    assert(two:begin())
    assert(two:query("update t set x = 2 where id = 1"))
    repeat
      local waits = row(one, "select count(*) from pg_locks where not granted")[1] > 0
    until waits
    assert.are.same({ "serialization", "40P01" }, why(two:query("update t set x = 2 where id = 2")))
    assert.is_true(two:rollback())
    assert.are.equal("", (process:finish()))
    assert.are.same({ 2, n = 1 }, row(one, "select sum(x)::integer from t"))
  end)

  it("is busy where a row is locked", function()
    assert(one:begin())
    assert(one:query("select * from t where id = 1 for update"))
    assert.are.same({ "busy", "55P03" },
      why(two:query("select * from t where id = 1 for update nowait")))
    assert.are.same({ { 2, n = 1 }, columns = { "id" }, changed = 0 },
      two:query("select id from t for update skip locked"))
    assert(one:rollback())
  end)

  it("says when the disk is full, and goes on", function()
    assert(one:query("create tablespace small location '" .. server.dir .. "/small'"))
    assert(one:query("create table large (x text) tablespace small"))
    assert(one:begin())
    assert.are.same({ "full", "53100" },
      why(one:query("insert into large select repeat('x', 100) from generate_series(1, 20000)")))
    assert(one:rollback())
    assert.are.same({ changed = 1 }, one:query("insert into t values (3, 0)"))
    assert(one:query("drop table large"))
    assert(one:query("drop tablespace small"))
  end)

  it("commits nothing once a statement has failed, and says so", function()
    assert(one:begin())
    assert(one:query("insert into t values (3, 0)"))
    assert.are.same({ "constraint", "23505" }, why(one:query("insert into t values (1, 0)")))
    assert.are.same({ "sql", "25P02" }, why(one:query("select 1")))
    assert.are.same({ "sql", "25P02" }, why(one:commit()))
    assert.are.same({ 2, n = 1 }, row(one, "select count(*) from t"))
  end)

  it("may not do what its role may not", function()
    assert(one:query("create role guest"))
    assert(one:query("set role guest"))
    assert.are.same({ "denied", "42501" }, why(one:query("select * from pg_authid")))
    assert(one:query("reset role"))
    assert(one:query("drop role guest"))
    assert(one:query("set default_transaction_read_only = on"))
    assert.are.same({ "denied", "25006" }, why(one:query("delete from t")))
  end)

  it("prints no notices", function()
    assert.are.equal("done\n", (child.run(([[
      local db = assert(require("novita.postgres").open(%q))
      assert(db:query("create table if not exists t (x integer)"))
      print("done")]]):format(server.address))))
  end)

  it("is not made by an address that can't be read, and no password is shown", function()
    local SECRET = "pass-word"
    for _, address in ipairs { "", "a\0b", "postgresql://u:" .. SECRET .. "@x@host/db",
      "postgresql://u:x/" .. SECRET .. "@host/db", "postgresql://u:" .. SECRET .. "/?@host/db",
      "postgresql://u:x?@" .. SECRET .. "@host/db", "postgresql://u:%zz" .. SECRET .. "@host/db",
      "host=x password=" .. SECRET .. " or", "postgresql://u:" .. SECRET .. "@host/db?none=1" } do
      local db, err = postgres.open(address)
      assert.are.same({ "config", "address" }, { not db and err.kind, err.param }, address)
      assert.is_nil(err.message:find(SECRET, 1, true))
    end
    local db, err = postgres.open("postgresql://u:" .. SECRET .. "@127.0.0.1:1/db")
    assert.are.same({ "store", "connection" }, { not db and err.kind, err.reason })
    assert.is_nil(err.message:find(SECRET, 1, true))
    assert.is_truthy(tostring(err):find("^store connection: [^\n]*127%.0%.0%.1[^\n]*$"))
    assert.is_false(pcall(postgres.open))
  end)

  it("that the server refuses has the server's code", function()
    assert.are.same({ "open", "3D000" },
      why(postgres.open((server.address:gsub("dbname=%S+", "dbname=none")))))
    local none, err = postgres.open((server.address:gsub("user=spec", "user=nobody")))
    assert.are.same({ "denied", "28000" }, why(none, err))
    assert.is_truthy(err.message:find('FATAL: role "nobody" does not exist', 1, true), err.message)
    local many, full = {}, nil
    while not full do many[#many + 1], full = postgres.open(server.address) end
    for _, db in ipairs(many) do db:close() end
    assert.are.same({ "busy", "53300" }, { full.reason, full.code })
  end)

  it("may be named by a URL", function()
    local address = ("postgresql://spec@/postgres?host=%s&application_name=a%%20b")
      :format(server.dir:gsub("/", "%%2F"))
    local db = assert(postgres.open(address))
    assert.are.same({ "a b", "UTF8", n = 2 },
      row(db, "select current_setting('application_name'), current_setting('client_encoding')"))
    db:close()
  end)
end)
