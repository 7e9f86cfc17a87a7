-- What novita.sqlite does with files: their mode, locks, full disks, and what is no database.
-- Covers: src/sql/sqlite_error.c lua/novita/sqlite.lua

local child = require("spec.support.child")
local database = require("spec.support.database")
local files = require("spec.support.files")
local native = require("spec.support.native")

local output = child.output

local row = database.row

describe("a file of novita.sqlite", function()
  local sqlite, dir, path

  setup(function() sqlite = require("novita.sqlite") end)
  before_each(function()
    dir = files.folder()
    path = dir .. "/a b.db"
  end)
  after_each(function() os.execute("rm -rf " .. dir) end)

  it("is for its owner only, and so are its journals", function()
    local db = assert(sqlite.open(path))
    assert(db:query("pragma journal_mode = wal"))
    assert(db:query("create table t (x)"))
    assert.are.equal("600\n600\n600\n", output("stat -c %a '" .. dir .. "'/*"))
    db:close()
  end)

  it("keeps the mode that it has", function()
    os.execute("touch '" .. path .. "' && chmod 644 '" .. path .. "'")
    local db = assert(sqlite.open(path))
    assert(db:query("create table t (x)"))
    assert.are.equal("644\n", output("stat -c %a '" .. path .. "'"))
    db:close()
  end)

  it("may be none at all", function()
    local db = assert(sqlite.open(":memory:"))
    assert(db:query("create table t (x)"))
    assert.are.equal("", output("ls '" .. dir .. "'"))
    db:close()
  end)

  it("that can't be opened is an error", function()
    local db, err = sqlite.open(dir .. "/none/a.db")
    assert.is_nil(db)
    assert.are.same({ "store", "open", 14 }, { err.kind, err.reason, err.code })
    for _, address in ipairs { "", "a\0b", "file:a.db" } do
      db, err = sqlite.open(address)
      assert.are.same({ "config", "address" }, { not db and err.kind, err.param })
    end
    assert.is_false(pcall(sqlite.open))
  end)

  it("that is no database is an error of the first statement", function()
    local file = assert(io.open(path, "w"))
    file:write(("no database "):rep(100))
    file:close()
    local db = assert(sqlite.open(path))
    local _, err = db:query("create table t (x)")
    assert.are.same({ "corrupt", 26 }, { err.reason, err.code })
    db:close()
  end)

  it("is busy while another writes, at begin, and then no more", function()
    local one, two = assert(sqlite.open(path)), assert(sqlite.open(path))
    assert(one:query("create table t (x)"))
    assert(one:begin())
    local ok, err = two:begin()
    assert.are.same({ "busy", 5 }, { not ok and err.reason, err.code })
    ok, err = two:query("insert into t values (1)")
    assert.are.same({ "busy", 5 }, { not ok and err.reason, err.code })
    assert(one:commit())
    assert(two:begin())
    assert(two:rollback())
    one:close()
    two:close()
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

  it("tells a transaction that has read what is old to begin again", function()
    local one, two = assert(sqlite.open(path)), assert(sqlite.open(path))
    assert(one:query("pragma journal_mode = wal"))
    assert(one:query("create table t (x)"))
    assert(two:query("begin"))
    assert(two:query("select * from t"))
    assert(one:query("insert into t values (1)"))
    local _, err = two:query("insert into t values (2)")
    assert.are.same({ "serialization", 517 }, { err.reason, err.code })
    assert(two:rollback())
    assert(two:query("insert into t values (2)"))
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

  -- In a mount that only the child sees.
  it("says when the disk is full, keeps what was committed, and goes on with more room", function()
    local code = ([[
      local db = assert(require("novita.sqlite").open("%s/full.db"))
      assert(db:query("pragma journal_mode = wal"))
      assert(db:query("pragma synchronous = full"))
      assert(db:query("create table t (id integer primary key, x text)"))
      local ok, err = true, nil
      local rows = 0
      while ok do
        assert(db:begin())
        ok, err = db:query("insert into t (x) values ($1)", ("x"):rep(3000))
        if ok then ok, err = db:commit() end
        if ok then rows = rows + 1 end
      end
      print(err.kind, err.reason, err.code, err)
      assert(db:rollback())
      print(db:query("select count(*) from t")[1][1] == rows, rows > 5)
      os.execute("mount -o remount,size=1m none '%s'")
      assert(db:query("insert into t (x) values ($1)", ("x"):rep(3000)))
      print(db:query("pragma integrity_check")[1][1])
      ]]):format(dir, dir)
    local script = os.tmpname()
    local file = assert(io.open(script, "w"))
    file:write(code)
    file:close()
    local said = output(("unshare %s sh -c \"mount -t tmpfs -o size=200k none '%s' && exec env "
      .. "LD_PRELOAD='%s' %s %s\" 2>&1; rm %s"):format(output("id -u") == "0\n" and "-m" or "-rm",
        dir, os.getenv("NOVITA_PRELOAD") or "", os.getenv("NOVITA_LUA") or "lua5.4", script,
        script))
    assert.are.equal("store\tfull\t13\tstore full: database or disk is full\n"
      .. "true\ttrue\nok\n", said)
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
