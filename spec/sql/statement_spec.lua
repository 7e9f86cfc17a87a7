-- Statements of novita.sqlite: prepared once, however often they run.

local database = require("spec.support.database")

local row = database.row

describe("a statement of novita.sqlite", function()
  local db

  before_each(function() db = assert(require("novita.sqlite").open(":memory:")) end)
  after_each(function() db:close() end)

  it("takes parameters as $1, ?, ?1, :1 or @1, and no others", function()
    for _, sql in ipairs { "select $2, $1", "select ?2, ?1", "select :2, :1", "select @2, @1" } do
      assert.are.same({ "b", "a", n = 2 }, row(db, sql, "a", "b"))
    end
    assert.are.same({ "a", "b", n = 2 }, row(db, "select ?, ?", "a", "b"))
    for _, sql in ipairs { "select :name", "select $a", "select @x1" } do
      local _, err = db:query(sql, 1)
      assert.are.equal("sql", err.reason)
      assert.is_truthy(err.message:find("a parameter is written $1 or ?", 1, true))
    end
    local _, err = db:query("select $3", 1)
    assert.are.same({ 25, "the statement has 3 parameters, not 1" }, { err.code, err.message })
  end)

  it("may have blanks, comments and a semicolon behind it, but no other statement", function()
    assert.are.same({ 1, n = 1 }, row(db, "select 1 ; \n ; -- so much"))
    assert.are.same({ 1, n = 1 }, row(db, "select 1; /* so much */"))
    for _, sql in ipairs { "select 1; select 2", "select 1; nonsense" } do
      local _, err = db:query(sql)
      assert.are.equal("one statement at a time expected", err.message)
    end
  end)

  it("keeps the type of a value that has no column", function()
    assert.are.same({ "text", "blob", "null", "real", n = 4 },
      row(db, "select typeof($1), typeof($2), typeof($3), typeof($4)", "1",
        require("novita.sqlite").blob("1"), nil, 0.5))
    assert.are.same({ "integer", 1, 0, n = 3 }, row(db, "select typeof($1), $1, $2", true, false))
  end)

  it("refuses a NaN, which SQLite would make a null", function()
    local ok, message = pcall(db.query, db, "select $1", 0 / 0)
    assert.is_false(ok)
    assert.is_truthy(message:find("SQLite has no NaN", 1, true))
  end)

  it("keeps text with NUL bytes and text that is no UTF-8", function()
    for _, text in ipairs { "a\0b", "\255\254", "\0" } do
      assert.are.same({ text, n = 1 }, row(db, "select $1", text))
    end
  end)

  it("is right after the table it reads has changed", function()
    assert(db:query("create table t (a)"))
    assert(db:query("insert into t values (1)"))
    assert.are.same({ 1, n = 1 }, row(db, "select * from t"))
    assert(db:query("alter table t add column b default 2"))
    assert.are.same({ 1, 2, n = 2 }, row(db, "select * from t"))
    assert.are.same({ "a", "b" }, db:query("select * from t").columns)
  end)

  it("may be any of very many", function()
    for i = 1, 1000 do assert.are.same({ i, n = 1 }, row(db, "select " .. i)) end
    assert.are.same({ 1, n = 1 }, row(db, "select 1"))
  end)

  it("holds nothing once the database is closed, whatever happened before", function()
    local path = os.tmpname()
    local other = assert(require("novita.sqlite").open(path))
    assert(other:query("create table t (a primary key)"))
    for i = 1, 200 do assert(other:query("insert into t values (" .. i .. ")")) end
    assert.is_nil(other:query("insert into t values (1)"))
    assert.is_nil(other:query("select abs(-9223372036854775808) from t")) -- fails in a row
    other:close()
    local open = io.popen("ls -l /proc/$PPID/fd")
    local descriptors = open:read("*a")
    open:close()
    assert.is_nil(descriptors:find(path, 1, true))
  end)
end)
