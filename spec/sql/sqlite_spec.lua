-- What novita.sqlite does with files: their mode, their locks, and what a crash leaves of them.

local child = require("spec.support.child")
local database = require("spec.support.database")
local files = require("spec.support.files")
local native = require("spec.support.native")

local output = require("spec.support.shell").output

local row = database.row

describe("a file of novita.sqlite", function()
  local sqlite, dir, path

  setup(function() sqlite = require("novita.sqlite") end)
  before_each(function() dir, path = files.in_folder("a b.db") end)

  it("is for its owner only, and so are its journals", function()
    local db = assert(sqlite.open(path))
    assert(db:query("pragma journal_mode = wal"))
    assert(db:query("create table t (x)"))
    assert.are.equal("600\n600\n600\n", output("stat -c %a '" .. dir .. "'/*"))
    db:close()
  end)

  it("knows whether it still has its name", function()
    local db, memory = assert(sqlite.open(path)), assert(sqlite.open(":memory:"))
    assert.are.same({ false, false }, { db:moved(), memory:moved() })
    os.rename(path, path .. "2")
    assert.is_true(db:moved())
    files.write(path, "")
    assert.is_true(db:moved())
    os.rename(path .. "2", path)
    assert.is_false(db:moved())
    db:close()
    memory:close()
    assert.has_error(function() db:moved() end)
  end)

  it("keeps the mode that it has", function()
    os.execute("touch '" .. path .. "' && chmod 644 '" .. path .. "'")
    local db = assert(sqlite.open(path))
    assert(db:query("create table t (x)"))
    assert.are.equal("644\n", output("stat -c %a '" .. path .. "'"))
    db:close()
  end)

  it("is waited for as long as the pragma says", function()
    local one, two = assert(sqlite.open(path)), assert(sqlite.open(path))
    assert.are.same({ 50, n = 1 }, row(two, "pragma busy_timeout = 50"))
    assert(one:begin())
    local now = require("novita.core").now
    local started = now()
    assert.are.equal("busy", select(2, two:begin()).reason)
    assert.is_true(now() - started >= 0.045)
    one:close()
    two:close()
  end)

  it("is not locked any more once a result is read, or the database closed", function()
    local one, two = assert(sqlite.open(path)), assert(sqlite.open(path))
    assert(one:query("create table t (x)"))
    assert(one:query("insert into t values (1), (2)"))
    assert(one:query("select * from t"))
    assert(one:query("select * from t limit 1"))
    assert(two:query("delete from t"))
    one:close()
    assert(two:query("drop table t"))
    two:close()
    assert.is_nil(output("ls -l /proc/$PPID/fd"):find(path, 1, true))
  end)

  it("may be read only", function()
    assert(sqlite.open(path)):close()
    local db = assert(sqlite.open(path))
    assert(db:query("pragma query_only = on"))
    local _, err = db:query("create table t (x)")
    assert.are.same({ "denied", 8 }, { err.reason, err.code })
    db:close()
  end)

  it("is whole when a process is killed while it writes", function()
    local db = assert(sqlite.open(path))
    assert(db:query("pragma journal_mode = wal"))
    assert(db:query("create table t (x)"))
    local process = child.start(([[
      local db = assert(require("novita.sqlite").open(%q))
      while true do
        assert(db:begin())
        assert(db:query("insert into t values (1)"))
        assert(db:query("insert into t values (1)"))
        assert(db:commit())
      end]]):format(path))
    local now = require("novita.core").now
    local limit, count = now() + 10, 0
    while count < 20 and now() < limit do
      local rows = db:query("select count(*) from t")
      count = rows and rows[1][1] or 0
    end
    native.kill(process.pid, "KILL")
    process:finish()
    assert.are.same({ "ok", n = 1 }, row(db, "pragma integrity_check"))
    count = row(db, "select count(*) from t")[1]
    assert.is_true(count >= 20 and count % 2 == 0)
    assert(db:begin())
    db:close()
  end)
end)
