-- Stores on a server: connections that are lost, and what becomes of transactions and locks then.

local child = require("spec.support.child")
local core = require("novita.core")
local database = require("spec.support.database")
local engine = require("spec.support.stores").postgres
local native = require("spec.support.native")
local novita = require("novita")

describe("a store on a server, #postgres,", function()
  local server, store, other

  setup(function()
    engine.setup()
    server = database.postgres.server
  end)
  before_each(function() store, other = engine.open(), engine.open() end)
  after_each(engine.clear)

  local function backend(of) return of:query("select pg_backend_pid()")[1][1] end

  local function disconnect(of)
    assert(other:query("select pg_terminate_backend($1)", backend(of)))
  end

  local function count() return other:query("select count(*) from meta")[1][1] end

  it("connects again where the connection was lost", function()
    local before = backend(store)
    disconnect(store)
    assert.are_not.equal(before, backend(store))
  end)

  it("runs a transaction again, and only once is it done", function()
    local runs = 0
    assert(store:transaction(function()
      runs = runs + 1
      if runs == 1 then disconnect(store) end
      return store:query("insert into meta (name, value) values ('a', 'b')")
    end))
    assert.are.same({ 2, 2 }, { runs, count() })
  end)

  it("is connected again by one task, for which the others wait", function()
    disconnect(store)
    local pids, tasks = {}, {}
    for index = 1, 8 do
      tasks[index] = novita.spawn(function() pids[backend(store)] = true end)
    end
    for _, task in ipairs(tasks) do task:wait() end
    local number = 0
    for _ in pairs(pids) do number = number + 1 end
    assert.are.equal(1, number)
    assert.are.equal(2, other:query("select count(*) from pg_stat_activity where "
      .. "application_name = 'novita " .. native.pid() .. "'")[1][1])
  end)

  for _, mode in ipairs { "fast", "immediate" } do
    it("outlasts a restart of the server (" .. mode .. "), with its locks", function()
      assert(store:lock("run"))
      server:stop(mode)
      local put = novita.spawn(function()
        return store:query("insert into meta (name, value) values ('a', 'b')")
      end)
      assert.is_false(put.done)
      server:resume()
      assert(put:wait())
      assert.are.equal(2, count())
      assert.are.equal("novita " .. native.pid(), other:locked("run"))
    end)
  end

  it("takes its locks from a connection that the server has not yet missed", function()
    assert(store:lock("run"))
    assert(store:lock("another"))
    store.session.db:close() -- the socket is shut, as by a network that fails
    store.session.db = nil
    local holds = assert(novita.store(engine.address()))
    repeat until not holds:locked("run")
    backend(store)
    assert.are.equal("locked", select(2, holds:lock("run")).reason)
    holds:close()
  end)

  it("says so where another has taken its lock meanwhile", function()
    local lock = assert(store:lock("run"))
    local pid = backend(store)
    assert(other:query("select pg_terminate_backend($1, 1000)", pid))
    assert(other:lock("run"))
    local none, err = store:query("select 1")
    assert.are.same({ "locked", "novita " .. native.pid() },
      { not none and err.reason, err.holder })
    lock:release()
    assert(store:query("select 1"))
  end)

  it("frees the locks of a process that is killed", function()
    local process = child.start(([[
      local store = assert(require("novita").store(%q))
      assert(store:lock("run"))
      require("novita.loop.poll").sleep(60)]]):format(engine.address()))
    local limit = core.now() + 10
    local holder
    repeat holder = store:locked("run") until holder or core.now() > limit
    assert.are.equal("novita " .. process.pid, holder)
    native.kill(process.pid, "KILL")
    process:finish()
    repeat holder = store:locked("run") until not holder or core.now() > limit
    assert(store:lock("run"))
  end)

  it("is made once by many processes", function()
    database.postgres.clear()
    local processes = {}
    for index = 1, 4 do
      processes[index] = child.start(([[
        local store = assert(require("novita").store(%q))
        print(#store:query("select * from meta"))]]):format(engine.address()))
    end
    for _, process in ipairs(processes) do assert.are.equal("1\n", (process:finish())) end
  end)

  it("is an error at once where there never was a server, and shows no password", function()
    local none, err = novita.store("postgresql://me:secret@127.0.0.1:1/db?password=secret")
    assert.are.same({ "store", "connection" }, { not none and err.kind, err.reason })
    assert.is_nil(tostring(err):find("secret"))
    local shown = require("novita.store.postgres")
      .new("postgresql://me:secret@host/db?password=secret", "full")
    assert.are.equal("postgresql://host/db", tostring(shown))
  end)
end)
