-- Stores in files: their mode, their journals, others that write.

local files = require("spec.support.files")
local output = require("spec.support.shell").output
local support = require("spec.support.stores")
local novita = require("novita")

local engine = support.sqlite

describe("a store in a file", function()
  local store

  before_each(function() store = engine.open() end)
  after_each(engine.clear)

  it("is for its owner only, with all files beside it", function()
    assert(store:lock("run"))
    assert.are.equal("600\n600\n600\n600\n", output("stat -c %a '" .. engine.dir .. "'/*"))
    assert.are.equal("a b.db\na b.db-shm\na b.db-wal\na b.db.lock\n",
      output("ls '" .. engine.dir .. "'"))
    assert.are.equal("novita.store (sqlite:" .. engine.address() .. ")", tostring(store))
  end)

  it("is written ahead and to the disk, unless told otherwise", function()
    local function pragma(name) return store:query("pragma " .. name)[1][1] end
    assert.are.same({ "wal", 2 }, { pragma("journal_mode"), pragma("synchronous") })
    store = engine.open { synchronous = "normal" }
    assert.are.equal(1, pragma("synchronous"))
  end)

  it("has the same locks through a symbolic link", function()
    os.execute(("ln -s 'a b.db' '%s/link.db'"):format(engine.dir))
    local other = assert(novita.store(engine.dir .. "/link.db"))
    assert(store:lock("run"))
    assert.are.equal("locked", select(2, other:lock("run")).reason)
    other:close()
  end)

  it("that is deleted says so once, and goes on in a copy that has all that was in it", function()
    assert(support.put(store, "a", "1"))
    assert(store:lock("run"))
    os.execute("rm '" .. engine.dir .. "'/*")
    local rows, err = store:query("insert into meta (name, value) values ('b', '2')")
    local copy = engine.address() .. ".rescued"
    assert.are.same({ nil, "store", "moved" }, { rows, err.kind, err.reason })
    assert.are.equal(engine.address() .. ": the file was deleted, renamed or replaced while it was "
      .. "open; what it held is in " .. copy .. ": rename that", err.message)
    assert(support.put(store, "b", "2"))
    assert.are.equal("600\n", output("stat -c %a '" .. copy .. "'"))
    local other = assert(novita.store(copy))
    assert.are.equal(3, support.count(other))
    assert.are.equal("locked", select(2, other:lock("run")).reason)
    other:close()
  end)

  it("that is replaced leaves the new one alone, and its copy has a name of its own", function()
    assert(support.put(store, "a", "1"))
    files.write(engine.address() .. ".rescued", "another's")
    local other = assert(novita.store(engine.dir .. "/other.db"))
    other:close()
    os.rename(engine.dir .. "/other.db", engine.address())
    local done, err = store:transaction(function() return support.put(store, "b", "2") end)
    assert.are.same({ nil, "moved" }, { done, err.reason })
    assert.is_truthy(err.message:find(".rescued2: rename that", 1, true), err.message)
    assert(store:transaction(function() return support.put(store, "b", "2") end))
    assert.are.equal(3, support.count(store))
    other = engine.open()
    assert.are.equal(1, support.count(other))
    assert.are.equal("ok", other:query("pragma integrity_check")[1][1])
    assert.are.equal("another's", files.read(engine.address() .. ".rescued"))
  end)

  it("that can't be copied says why, and writes nothing that would be lost", function()
    os.execute("rm -r '" .. engine.dir .. "'")
    for _ = 1, 2 do
      local done, err = support.put(store, "a", "1")
      assert.are.same({ nil, "moved" }, { done, err.reason })
      assert.is_truthy(err.message:find("can't be copied: ", 1, true), err.message)
    end
    os.execute("mkdir '" .. engine.dir .. "'")
  end)

  it("is named by the errors that concern it, and by no others", function()
    local head = engine.address() .. ": "
    assert(store:query("pragma max_page_count = 1"))
    local full = select(2, support.put(store, "a", ("x"):rep(200000)))
    assert(store:query("pragma query_only = 1"))
    local denied = select(2, store:transaction(function() return support.put(store, "a", "") end))
    assert.are.same({ "full", head .. "database or disk is full" }, { full.reason, full.message })
    assert.are.equal("denied", denied.reason)
    assert.are.equal(head, denied.message:sub(1, #head))
    assert.is_nil(select(2, store:query("selec")).message:find(head, 1, true))
  end)

  it("of another program, or of a newer novita, is named", function()
    local path = engine.dir .. "/other.db"
    local db = assert(require("novita.sqlite").open(path))
    assert(db:query("create table batch (x)"))
    local _, err = novita.store(path)
    assert.are.same({ "sql", path .. ": table batch already exists" },
      { err.reason, err.message })
    assert(db:query("create table meta (name text, value text)"))
    assert(db:query("insert into meta values ('schema', '99')"))
    err = select(2, novita.store(path))
    assert.are.equal("version", err.reason)
    assert.are.equal(path .. ": the store has version 99", err.message:match("^.*99"))
    db:close()
  end)

  it("is waited for while another writes, and tasks run meanwhile", function()
    local other = assert(require("novita.sqlite").open(engine.address()))
    assert(other:begin())
    local put = novita.spawn(function()
      return store:query("insert into meta (name, value) values ('a', 'b')")
    end)
    assert.is_false(put.done)
    assert(other:commit())
    assert(put:wait())
    other:close()
  end)

  it("may be none, with locks of its own", function()
    local one, two = assert(novita.store(":memory:")), assert(novita.store("sqlite::memory:"))
    assert(one:lock("run")):release()
    assert(one:lock("run"))
    assert(two:lock("run"))
    assert.is_nil(one:locked("other"))
    one:close()
    two:close()
  end)

  it("that can't be opened, or is no database, is an error", function()
    local none, err = novita.store(engine.dir .. "/none/a.db")
    assert.are.same({ "store", "open" }, { not none and err.kind, err.reason })
    assert.are.equal(engine.dir .. "/none/a.db: unable to open database file", err.message)
    err = select(2, novita.store(engine.dir))
    assert.are.equal(engine.dir .. ": unable to open database file: is a folder", err.message)
    assert(novita.store(engine.dir .. "/b.db")):close()
    os.execute(("ln -s /none/b '%s/b.db-wal'"):format(engine.dir)) -- as where none may be made
    err = select(2, novita.store(engine.dir .. "/b.db"))
    assert.are.equal("open", err.reason)
    assert.is_truthy(err.message:find("file: the file is there; it must be writable", 1, true),
      err.message)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(("no database "):rep(100))
    file:close()
    none, err = novita.store(path)
    assert.are.same({ "store", "corrupt" }, { not none and err.kind, err.reason })
    assert.are.equal(path .. ": file is not a database", err.message)
  end)
end)
