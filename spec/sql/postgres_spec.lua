-- Connections of novita.postgres: lost, in a transaction that has failed, denied, quiet.

local child = require("spec.support.child")
local database = require("spec.support.database")

local engine = database.postgres
local row, why = database.row, database.why

describe("a connection of novita.postgres, #postgres,", function()
  local one, two

  setup(engine.setup)
  before_each(function() one, two = engine.pair() end)
  after_each(function() engine.clear(one, two) end)

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
      engine.server:stop(mode)
      assert.are.same({ "connection" }, why(one:query("update t set x = 2")))
      assert.are.same({ "connection" }, why(one:commit()))
      assert.are.same({ "connection" }, why(one:rollback()))
      assert.are.same({ "connection" }, why(engine.module.open(engine.server.address)))
      engine.server:resume()
      one:close()
      two:close()
      one, two = engine.open(), engine.open()
      assert.are.same({ 0, n = 1 }, row(one, "select sum(x)::integer from t"))
    end)
  end

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
      print("done")]]):format(engine.server.address))))
  end)
end)
