-- The errors of SQLite as those of all databases.

local files = require("spec.support.files")

local output = require("spec.support.shell").output

describe("a file of novita.sqlite", function()
  local sqlite, dir, path

  setup(function() sqlite = require("novita.sqlite") end)
  before_each(function() dir, path = files.in_folder("a b.db") end)

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
      .. "LD_PRELOAD='%s' %s %s\" 2>&1"):format(output("id -u") == "0\n" and "-m" or "-rm",
        dir, os.getenv("NOVITA_PRELOAD") or "", os.getenv("NOVITA_LUA") or "lua5.4", script))
    assert.are.equal("store\tfull\t13\tstore full: database or disk is full\n"
      .. "true\ttrue\nok\n", said)
  end)
end)
