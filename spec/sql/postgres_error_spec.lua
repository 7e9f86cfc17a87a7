-- The errors of PostgreSQL as those of all databases.

local child = require("spec.support.child")
local database = require("spec.support.database")

local engine = database.postgres
local row, why = database.row, database.why

describe("a connection of novita.postgres, #postgres,", function()
  local one, two

  setup(engine.setup)
  before_each(function() one, two = engine.pair() end)
  after_each(function() engine.clear(one, two) end)

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
      assert(db:commit())]]):format(engine.server.address))
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
    assert(one:query("create tablespace small location '" .. engine.server.dir .. "/small'"))
    assert(one:query("create table large (x text) tablespace small"))
    assert(one:begin())
    assert.are.same({ "full", "53100" },
      why(one:query("insert into large select repeat('x', 100) from generate_series(1, 20000)")))
    assert(one:rollback())
    assert.are.same({ changed = 1 }, one:query("insert into t values (3, 0)"))
    assert(one:query("drop table large"))
    assert(one:query("drop tablespace small"))
  end)

  it("that the server refuses has the server's code", function()
    assert.are.same({ "open", "3D000" },
      why(engine.module.open((engine.server.address:gsub("dbname=%S+", "dbname=none")))))
    local none, err = engine.module.open((engine.server.address:gsub("user=spec", "user=nobody")))
    assert.are.same({ "denied", "28000" }, why(none, err))
    assert.is_truthy(err.message:find('FATAL: role "nobody" does not exist', 1, true), err.message)
    local many, full = {}, nil
    while not full do many[#many + 1], full = engine.module.open(engine.server.address) end
    for _, db in ipairs(many) do db:close() end
    assert.are.same({ "busy", "53300" }, { full.reason, full.code })
  end)
end)
