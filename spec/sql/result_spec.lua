-- Results of novita.postgres: each type has a value in Lua, or its text.

local child = require("spec.support.child")
local database = require("spec.support.database")
local locale = require("spec.support.locale")

local engine = database.postgres
local row = database.row

describe("a result of novita.postgres, #postgres,", function()
  local db

  setup(engine.setup)
  before_each(function() db = engine.open() end)
  after_each(function() db:close() end)

  it("has integers, floats, booleans, bytes, and the text of all else", function()
    assert.are.same({ 1, 2, 3, 4, 0.5, 0.25, true, false, "\0\1", n = 9 }, row(db, "select "
      .. "1::smallint, 2::integer, 3::bigint, 4::oid, 0.5::real, 0.25::float8, true, false, "
      .. "'\\x0001'::bytea"))
    assert.are.same({ "12345678901234567890.10", "a", "{1,2}", "2026-01-31", n = 4 },
      row(db, "select 12345678901234567890.10, 'a'::varchar, array[1, 2], date '2026-01-31'"))
  end)

  it("keeps all digits, whatever the role or the program has set", function()
    assert(db:query("set bytea_output = 'escape'"))
    assert.are.same({ 0.1 + 0.2, "\0\255\\x", n = 2 },
      row(db, "select 0.30000000000000004::float8, '\\x00ff5c78'::bytea"))
    assert(db:query("alter role spec set extra_float_digits = 0"))
    local other = engine.open()
    assert.are.same({ 0.1 + 0.2, n = 1 }, row(other, "select 0.30000000000000004::float8"))
    other:close()
    assert(db:query("alter role spec reset extra_float_digits"))
  end)

  it("has floats in a locale with another decimal point too", function()
    local name, folder = locale.comma()
    assert.are.equal("1.5", (child.run(([[
      assert(os.setlocale(%q))
      local db = assert(require("novita.postgres").open(%q))
      local x = db:query("select $1::float8", 1.5)[1][1]
      os.setlocale("C")
      io.write(x)]]):format(name, engine.server.address), {
        LOCPATH = folder, ASAN_OPTIONS = "detect_leaks=0", -- glibc leaks with LOCPATH
      })))
  end)

  it("counts rows that were written, not those that were read", function()
    assert(db:query("create table t (x integer)"))
    assert.are.equal(3, db:query("insert into t values (1), (2), (3)").changed)
    assert.are.equal(0, db:query("select * from t").changed)
    assert.are.equal(2, db:query("update t set x = 0 where x > $1", 1).changed)
    assert.are.equal(3, db:query("delete from t").changed)
    assert.are.equal(0, db:query("drop table t").changed)
  end)
end)
