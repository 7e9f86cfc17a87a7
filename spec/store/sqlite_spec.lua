-- Stores in files: their mode, their journals, others that write.

local files = require("spec.support.files")
local engine = require("spec.support.stores").sqlite
local novita = require("novita")

describe("a store in a file", function()
  local store

  before_each(function() store = engine.open() end)
  after_each(engine.clear)

  local function output(command)
    local pipe = assert(io.popen(command))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

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
    local path = files.folder() .. "/a.db"
    local file = assert(io.open(path, "w"))
    file:write(("no database "):rep(100))
    file:close()
    none, err = novita.store(path)
    assert.are.same({ "store", "corrupt" }, { not none and err.kind, err.reason })
    assert.are.equal(path .. ": file is not a database", err.message)
    os.execute("rm -r " .. path:match("^(.*)/"))
  end)
end)
