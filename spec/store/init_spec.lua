-- Stores: queries, transactions, locks, closing; by SQLite and by PostgreSQL.

local native = require("spec.support.native")
local novita = require("novita")
local stores = require("novita.store")
local support = require("spec.support.stores")

local function pack(...) return { n = select("#", ...), ... } end

for _, engine in ipairs(support.engines) do
  describe("a store by " .. engine.name, function()
    local store

    setup(engine.setup)
    before_each(function() store = engine.open() end)
    after_each(engine.clear)

    it("keeps bytes as they are", function()
      assert(store:query("insert into call_answer (n, body) values (1, $1)",
        store:bytes("\0\255\\x")))
      assert.are.equal("\0\255\\x", store:query("select body from call_answer")[1][1])
    end)

    it("commits what a function did, and returns what it returned", function()
      assert.are.same({ 1, nil, 3, nil, n = 4 }, pack(store:transaction(function(same)
        assert.are.equal(store, same)
        assert(support.put(store, "a", "1"))
        return 1, nil, 3, nil
      end)))
      assert.is_true(store:transaction(function() support.put(store, "b", "2") end))
      assert.are.equal(3, support.count(store))
    end)

    it("rolls back where the function returns an error, or raises", function()
      local ok, err = store:transaction(function()
        assert(support.put(store, "a", "1"))
        return nil, "no"
      end)
      assert.are.same({ nil, "no" }, { ok, err })
      assert.has_error(function()
        store:transaction(function()
          assert(support.put(store, "a", "1"))
          error("oh", 0)
        end)
      end, "oh")
      ok, err = store:transaction(function() return support.put(store, "schema", "1") end)
      assert.are.same({ "store", "constraint" }, { not ok and err.kind, err.reason })
      assert.are.equal(1, support.count(store))
      assert(support.put(store, "a", "1"))
    end)

    it("has no transaction in a transaction", function()
      assert.has_error(function()
        store:transaction(function() store:transaction(print) end)
      end)
      assert.are.equal(1, support.count(store))
    end)

    it("raises for values of another type, and goes on", function()
      assert.has_error(function() support.put(store, "a", {}) end)
      assert.has_error(function() store:query(nil) end)
      assert.has_error(function() store.query("select 1") end)
      assert.has_error(function() store:transaction("select 1") end)
      assert.are.equal(1, support.count(store))
    end)

    it("has locks that one store at a time holds, named by its holder", function()
      local me = engine.kind == "sqlite" and native.pid() or "novita " .. native.pid()
      local other = engine.open()
      local lock = assert(store:lock("run"))
      assert(other:lock("another"))
      local none, err = other:lock("run")
      assert.are.same({ "store", "locked", me }, { not none and err.kind, err.reason, err.holder })
      assert.are.equal("run: locked by " .. (engine.kind == "sqlite" and "process " or "") .. me,
        err.message)
      assert.are.equal(me, other:locked("run"))
      assert.are.equal("this store", store:locked("run"))
      none, err = store:lock("run")
      assert.are.same({ "locked", "this store" }, { not none and err.reason, err.holder })
      lock:release()
      lock:release()
      assert.is_nil(other:locked("run"))
      assert(other:lock("run"))
      other:close()
      repeat until not store:locked("run") -- a server notices later that a connection has gone
    end)

    it("is what an option names", function()
      assert.are.equal(store, stores.of(store))
      local other = assert(stores.of { engine.address(), prompts = false })
      assert.are.same({ true, false }, { store.prompts, other.prompts })
      other:close()
      other = assert(stores.of(engine.address()))
      other:close()
    end)
  end)
end

describe("the address of a store", function()
  it("is refused where it can't be right, and no password is shown", function()
    local none, err = novita.store("mysql://me:secrethost/db")
    assert.are.same({ "config", "store" }, { not none and err.kind, err.param })
    assert.is_nil(err.message:find("secret"))
    for _, address in ipairs { "", "sqlite:", "file:a.db", "a\0b" } do
      none, err = novita.store(address)
      assert.are.same({ "config" }, { not none and err.kind })
    end
    assert.has_error(function() novita.store(5) end)
    assert.has_error(function() novita:store(":memory:") end)
  end)

  it("goes with options that there are", function()
    assert.has_error(function() novita.store(":memory:", { prompt = true }) end)
    assert.has_error(function() novita.store(":memory:", { synchronous = "off" }) end)
    assert.has_error(function() stores.of { ":memory:", prompt = true } end)
  end)

  it("says what to install where the module of its database is not there", function()
    for address, package in pairs { ["a.db"] = "libsqlite3-dev", ["postgres://h"] = "libpq-dev" } do
      local output = require("spec.support.child").run(([[
        local novita = require("novita")
        for _, name in ipairs { "sqlite", "postgres" } do
          package.preload["novita." .. name .. ".core"] = function() error("install PACKAGE", 0) end
        end
        local store, err = novita.store(%q)
        print(store, err.kind, err)]]):gsub("PACKAGE", package):format(address))
      assert.are.equal(("nil\tconfig\tconfig: store: install %s\n"):format(package), output)
    end
  end)
end)
