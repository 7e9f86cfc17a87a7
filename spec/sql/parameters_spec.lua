-- Parameters of novita.postgres: the server infers their types.

local database = require("spec.support.database")

local engine = database.postgres
local row = database.row

describe("a parameter of novita.postgres, #postgres,", function()
  local db

  setup(engine.setup)
  before_each(function() db = engine.open() end)
  after_each(function() db:close() end)

  it("has the type of what it is compared with, or cast to", function()
    assert.are.same({ true, 5, 0.5, "5", n = 4 }, row(db,
      "select $1::boolean, $2::bigint, $3::float8, $2::bigint::text", true, 5, 0.5))
    assert.are.same({ 3, n = 1 }, row(db, "select 1 + $1", 2))
    assert.are.same({ 2, n = 1 }, row(db, "select length($1)", "ab"))
    assert.are.same({ 1, n = 1 }, row(db, "select 1 where $1", true))
    assert.are.same({ "2026-01-31", n = 1 }, row(db, "select $1::date", "2026-01-31"))
  end)

  it("may be a float that is none of the usual ones", function()
    local found = row(db, "select $1::float8, $2::float8, $3::float8",
      math.huge, -math.huge, 0 / 0)
    assert.are.same({ math.huge, -math.huge }, { found[1], found[2] })
    assert.is_true(found[3] ~= found[3])
    assert.are.equal(-math.huge, 1 / row(db, "select $1::float8", -1 / math.huge)[1])
  end)

  it("is no text with a NUL byte, nor one that is no UTF-8", function()
    local rows, err = db:query("select $1::text", "a\0b")
    assert.are.same({ "data", "22021" }, { not rows and err.reason, err.code })
    assert.is_truthy(err.message:find("parameter 1: the text has a NUL byte; pass bytes as blob", 1,
      true))
    rows, err = db:query("select $1::text", "\255")
    assert.are.same({ "data", "22021" }, { not rows and err.reason, err.code })
  end)

  it("that does not fit its type is an error", function()
    for value, code in pairs { x = "22P02", ["99999999999"] = "22003" } do
      local rows, err = db:query("select $1::integer", value)
      assert.are.same({ "data", code }, { not rows and err.reason, err.code })
    end
    local rows, err = db:query("select $1::integer", 0.5)
    assert.are.same({ "data", "22P02" }, { not rows and err.reason, err.code })
  end)

  it("may be one of very many", function()
    local marks, values = {}, {}
    for i = 1, 5000 do marks[i], values[i] = "$" .. i .. "::integer", i end
    local found = row(db, "select (array[" .. table.concat(marks, ", ") .. "])[4999]",
      (unpack or table.unpack)(values)) -- luacheck: ignore
    assert.are.same({ 4999, n = 1 }, found)
  end)

  it("is not for COPY, after which the connection goes on", function()
    assert(db:query("create table t (x text)"))
    for _, sql in ipairs { "copy t from stdin", "copy t to stdout" } do
      local rows, err = db:query(sql)
      assert.are.same({ "sql", "COPY is not supported" }, { not rows and err.reason, err.message })
    end
    assert.are.same({ 0, n = 1 }, row(db, "select count(*) from t"))
    assert(db:query("drop table t"))
  end)
end)
