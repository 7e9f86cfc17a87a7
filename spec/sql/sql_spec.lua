-- What novita.sqlite and novita.postgres have in common: values, errors, transactions, closing.

local database = require("spec.support.database")
local child = require("spec.support.child")

local row = database.row
local unpack = unpack or table.unpack -- luacheck: ignore
local type_of = math.type or type -- luacheck: ignore
local LARGE = "9007199254740993" -- 2^53 + 1

-- Has the collector call a function.
local function on_collect(act)
  if _VERSION ~= "Lua 5.1" then return setmetatable({}, { __gc = act }) end
  getmetatable(newproxy(true)).__gc = act -- luacheck: ignore
end

for _, engine in ipairs(database.engines) do
  describe("a database by " .. engine.name, function()
    local db

    setup(engine.setup)
    before_each(function() db = engine.open() end)
    after_each(function()
      db:close()
      engine.clear()
    end)

    local function create()
      assert(db:query(("create table t (id bigint primary key, name text constraint named not null "
        .. "constraint short check (length(name) < 9), x %s, bytes %s)")
        :format(engine.float, engine.bytes)))
    end

    -- What comes back of a value that goes into a column.
    local function through(column, value)
      assert(db:query(("insert into t (id, name, %s) values ($1, $2, $3)"):format(column),
        1, "a", value))
      local found = row(db, ("select %s from t"):format(column))
      assert(db:query("delete from t"))
      return found[1]
    end

    it("has the functions and methods of any", function()
      local function names(values)
        local list = {}
        for name in pairs(values) do list[#list + 1] = name end
        table.sort(list)
        return list
      end
      assert.are.same(engine.functions, names(engine.module))
      assert.are.same(engine.methods, names(debug.getmetatable(db).__index))
      assert.is_truthy(engine.module.version:find("^%d+%.%d+"))
    end)

    it("gives rows with their count of columns, whose nulls are nil", function()
      create()
      local rows = assert(db:query("insert into t (id, name) values ($1, $2), ($3, $2)", 1, "a", 2))
      assert.are.same({ changed = 2 }, rows)
      assert.are.same({
        { 1, nil, "a", nil, n = 4 }, { 2, nil, "a", nil, n = 4 },
        columns = { "id", "x", "name", "bytes" }, changed = 0,
      }, db:query("select id, x, name, bytes from t order by id"))
      assert.are.same({ columns = { "id" }, changed = 0 },
        db:query("select id from t where id > 9"))
      assert.are.same({ changed = 2 }, db:query("update t set x = $1", 0.5))
      assert.are.same({ changed = 0 }, db:query("create table empty (id integer)"))
      assert.are.same({ { 1, n = 1 }, changed = 1, columns = { "id" } },
        db:query("delete from t where id = $1 returning id", 1))
    end)

    it("keeps integers of 64 bits: as their digits where numbers have 53", function()
      create()
      for _, digits in ipairs { "0", "-1", "9007199254740991", LARGE, "9223372036854775807",
        "-9223372036854775808" } do
        assert(db:query("insert into t (id, name) values (" .. digits .. ", '')"))
        local id = row(db, "select id from t")[1]
        assert.are.equal(digits, type(id) == "number" and ("%d"):format(id) or id)
        local is_large = #digits > 16 or digits == LARGE
        assert.are.equal(_VERSION > "Lua 5.2" and "integer" or is_large and "string" or "number",
          type_of(id))
        assert.are.same({ changed = 1 }, db:query("delete from t where id = $1", id))
      end
    end)

    it("keeps floats to the last bit", function()
      create()
      for _, x in ipairs { 0.1, -1 / 3, 1e-310, 1.7976931348623157e308, 2 ^ 70, 123456789.125,
        math.huge, -math.huge, 5e-324, 0.1 + 0.2 } do
        assert.are.equal(x, through("x", x))
      end
    end)

    it("keeps text of any letters, and bytes of any value", function()
      create()
      for _, text in ipairs { "", "ä€😀", "a'b\"c\\d", "\1\127", "\n\r\t" } do
        assert(db:query("insert into t (id, name) values ($1, $2)", 1, text))
        assert.are.equal(text, row(db, "select name from t where name = $1", text)[1])
        assert(db:query("delete from t"))
      end
      local all = {}
      for byte = 0, 255 do all[byte + 1] = string.char(byte) end
      for _, bytes in ipairs { "", "\0", table.concat(all), "\\x00" } do
        assert.are.equal(bytes, through("bytes", engine.module.blob(bytes)))
      end
    end)

    it("keeps 10 MB of text and of bytes", function()
      assert(db:query(("create table large (t text, b %s)"):format(engine.bytes)))
      local text, bytes = ("0123456789"):rep(1000000), ("\0\255\n\\'"):rep(2000000)
      assert(db:query("insert into large values ($1, $2)", text, engine.module.blob(bytes)))
      local found = row(db, "select t, b from large")
      assert.is_true(found[1] == text)
      assert.is_true(found[2] == bytes)
    end)

    it("binds each parameter by its number, also twice, also nil at the end", function()
      create()
      assert(db:query("insert into t (name, id, x) values ($3, $2, $1)", nil, 7, "seven"))
      assert.are.same({ 7, "seven", n = 3 },
        row(db, "select id, name, x from t where id = $1 or id = $1", 7))
      assert(db:query("update t set name = $1, x = $2", "x", nil))
    end)

    it("wants as many parameters as the statement has", function()
      create()
      for _, count in ipairs { 0, 1, 3 } do
        local rows, err = db:query("insert into t (id, name) values ($1, $2)",
          unpack({ 1, "a", "b" }, 1, count))
        assert.is_nil(rows)
        assert.are.same({ "store", "sql" }, { err.kind, err.reason })
      end
      assert.are.same({ 0, n = 1 }, row(db, "select count(*) from t"))
    end)

    it("raises for what is no value and no statement", function()
      local function said(...)
        local ok, message = pcall(db.query, db, ...)
        assert.is_false(ok)
        return message
      end
      assert.is_truthy(said("select $1", {}):find(
        "nil, boolean, number, string or blob expected, got table", 1, true))
      assert.is_truthy(said("select $1", 1, print):find("#4", 1, true))
      assert.is_truthy(said(nil):find("string expected, got nil", 1, true))
      assert.is_truthy(said("select 1\0"):find("has a NUL byte", 1, true))
      assert.is_truthy(select(2, pcall(engine.module.blob, 1)):find("string expected", 1, true))
    end)

    it("gives an error for a wrong statement, one line, and goes on", function()
      for _, sql in ipairs { "selec 1", "select none from nowhere", "select 1; select 2", "",
        "--" } do
        local rows, err = db:query(sql)
        assert.is_nil(rows)
        assert.are.same({ "store", "sql" }, { err.kind, err.reason }, sql)
        assert.is_truthy(tostring(err):find("^store sql: [^\n]+$"), tostring(err))
      end
      assert.are.same({ 1, n = 1 }, row(db, "select 1;"))
    end)

    it("names the constraint that refuses a row", function()
      create()
      assert(db:query("create unique index once on t (name)"))
      assert(db:query("insert into t (id, name) values (1, 'a')"))
      local expected = engine.name == "SQLite"
        and { { 1555, "t.id" }, { 2067, "t.name" }, { 1299, "t.name" }, { 275, "short" } }
        or { { "23505", "t_pkey" }, { "23505", "once" }, { "23502" }, { "23514", "short" } }
      for index, values in ipairs { { 1, "b" }, { 2, "a" }, { 2 }, { 2, "123456789" } } do
        local rows, err = db:query("insert into t (id, name) values ($1, $2)", values[1], values[2])
        assert.is_nil(rows)
        assert.are.same({ "constraint", expected[index][1], expected[index][2] },
          { err.reason, err.code, err.constraint }, tostring(err))
      end
    end)

    it("commits, or rolls back", function()
      create()
      local other = engine.open()
      local function count() return row(other, "select count(*) from t")[1] end
      assert.is_true(db:begin())
      assert(db:query("insert into t (id, name) values (1, 'a')"))
      assert.are.equal(0, count())
      assert.is_true(db:commit())
      assert.are.equal(1, count())
      assert.is_true(db:begin())
      assert(db:query("delete from t"))
      assert.is_true(db:rollback())
      assert.is_true(db:rollback()) -- there is none
      assert.are.equal(1, count())
      other:close()
    end)

    it("refuses a transaction in another, and to commit none", function()
      assert.is_true(db:begin())
      local ok, err = db:begin()
      assert.are.same({ "store", "sql" }, { not ok and err.kind, err.reason })
      assert.is_true(db:commit())
      ok, err = db:commit()
      assert.are.same({ "store", "sql" }, { not ok and err.kind, err.reason })
    end)

    it("rolls back what was not committed when it is closed", function()
      create()
      assert(db:begin())
      assert(db:query("insert into t (id, name) values (1, 'a')"))
      db:close()
      db = engine.open()
      assert.are.equal(0, row(db, "select count(*) from t")[1])
    end)

    it("is closed once, and raises then", function()
      assert.is_truthy(tostring(db):find("^novita%.%l+ %(open%)$"))
      db:close()
      db:close()
      assert.is_truthy(tostring(db):find("^novita%.%l+ %(closed%)$"))
      for _, method in ipairs { "query", "begin", "commit", "rollback" } do
        local ok, message = pcall(db[method], db, "select 1")
        assert.is_false(ok)
        assert.is_truthy(message:find("closed database", 1, true))
      end
      assert.is_false(pcall(db.query, {}, "select 1"))
    end)

    if _VERSION >= "Lua 5.4" then
      it("is closed at the end of its block", function()
        local closed = assert(load([[
          local open = ...
          local outside
          do local db <close> = open() outside = db end
          return tostring(outside)]]))(engine.open)
        assert.is_truthy(closed:find("(closed)", 1, true))
      end)
    end

    it("is of no use in a child of its process, which leaves it alone", function()
      create()
      local message = child.fork(function()
        db:close()
        return select(2, pcall(db.query, db, "select 1"))
      end)
      assert.is_truthy(message:find("used after fork", 1, true), message)
      assert.are.equal(0, row(db, "select count(*) from t")[1])
    end)

    -- Finalizers run inside the allocations of any function, and may use the same database.
    it("is used, and closed, by a finalizer while rows are read", function()
      create()
      for id = 1, 50 do assert(db:query("insert into t (id, name) values ($1, 'a')", id)) end
      local used = 0
      local function read()
        local rows = db:query("select id, name, name || id from t")
        used = used + 1
        return rows
      end
      collectgarbage("setpause", 1)
      for _ = 1, 20 do
        on_collect(function() pcall(read) end)
        assert.are.equal(50, #assert(read()))
      end
      on_collect(function() db:close() end)
      local ok, message = true, nil
      while ok do ok, message = pcall(read) end
      collectgarbage("setpause", 200)
      assert.is_truthy(message:find("closed database", 1, true), message)
      assert.is_true(used > 20)
    end)
  end)
end
