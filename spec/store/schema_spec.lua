-- The tables of a store: made once, by several processes at once too; older and newer versions.

local child = require("spec.support.child")
local novita = require("novita")
local files = require("spec.support.files")
local reference = require("spec.support.reference")
local schema = require("novita.store.schema")

describe("the schema of a store", function()
  local dir, path

  before_each(function()
    dir = files.folder()
    path = dir .. "/a.db"
  end)

  it("is made where it is missing, and then read only", function()
    local store = assert(novita.store(path))
    assert.are.equal(tostring(schema.version),
      store:query("select value from meta where name = 'schema'")[1][1])
    store:close()
    local db = assert(require("novita.sqlite").open(path))
    assert(db:begin()) -- a reader of WAL need not wait for it
    store = assert(novita.store(path))
    assert.are.equal(0, #store:query("select * from call"))
    store:close()
    db:close()
  end)

  it("is that of doc/store.md", function()
    local described, there = {}, {}
    for _, entry in ipairs(reference.entries("doc/store.md")) do
      if entry.category == "table" then
        local columns = {}
        for name in entry.cells.columns:gmatch("`([%l_]+)`") do columns[#columns + 1] = name end
        described[entry.name] = columns
      end
    end
    local store = assert(novita.store(path))
    for _, row in ipairs(store:query("select name from sqlite_master where type = 'table'")) do
      there[row[1]] = {}
      for _, column in ipairs(store:query("select name from pragma_table_info($1)", row[1])) do
        table.insert(there[row[1]], column[1])
      end
    end
    store:close()
    assert.are.same(there, described)
  end)

  describe("of an older novita", function()
    local versions = reference.table_behind(schema.prepare, "UPGRADES")

    before_each(function()
      assert(novita.store(path)):close()
      schema.version = schema.version + 1
    end)
    after_each(function()
      versions[schema.version] = nil
      schema.version = schema.version - 1
    end)

    local function columns()
      local db = assert(require("novita.sqlite").open(path))
      local count = #db:query("select name from pragma_table_info('meta')")
      local version = db:query("select value from meta where name = 'schema'")[1][1]
      db:close()
      return { count, tonumber(version) }
    end

    it("is brought up to date", function()
      versions[schema.version] = { "alter table meta add column note text" }
      local store = assert(novita.store(path))
      assert(store:query("insert into meta values ('a', 'b', 'c')"))
      store:close()
      assert.are.same({ 3, schema.version }, columns())
      assert(novita.store(path)):close()
    end)

    it("stays as it is where that fails", function()
      versions[schema.version] = { "alter table meta add column note text", "nonsense" }
      local none, err = novita.store(path)
      assert.are.same({ "store", "sql" }, { not none and err.kind, err.reason })
      assert.are.same({ 2, schema.version - 1 }, columns())
    end)
  end)

  it("of a newer novita is an error that says so, and nothing is changed", function()
    local store = assert(novita.store(path))
    assert(store:query("update meta set value = '999' where name = 'schema'"))
    store:close()
    local none, err = novita.store(path)
    assert.are.same({ "store", "version" }, { not none and err.kind, err.reason })
    assert.is_truthy(err.message:find("version 999", 1, true))
  end)

  it("is made once by many processes", function()
    local processes = {}
    for index = 1, 4 do
      processes[index] = child.start(([[
        local store = assert(require("novita").store(%q))
        print(#store:query("select * from meta"))]]):format(path))
    end
    for _, process in ipairs(processes) do
      assert.are.equal("1\n", (process:finish()))
    end
  end)
end)

for _, engine in ipairs(require("spec.support.stores").engines) do
  describe("the schema of version 1 in a store by " .. engine.name, function()
    setup(engine.setup)
    after_each(engine.clear)

    -- The columns of the tables that changed.
    local function columns(store)
      local names = {}
      for _, name in ipairs { "call", "call_request", "call_answer" } do
        names[name] = assert(store:query("select * from " .. name)).columns
        table.sort(names[name])
      end
      return names
    end

    it("becomes that of today, with its requests and answers", function()
      local store = engine.open()
      local today = columns(store)
      for _, sql in ipairs {
        "drop table call_request", "drop table call_answer",
        "alter table call add column request text", "alter table call add column answer {bytes}",
        "update meta set value = '1' where name = 'schema'",
        "insert into call (batch, id, key, request) values (1, 'a', 'k', '{}')",
        "insert into call (batch, id, key) values (1, 'b', 'k')",
      } do
        assert(store:query(sql))
      end
      assert(store:query("update call set answer = $1 where n = 1", store:bytes("\0\255")))
      store:close()
      store = engine.open()
      assert.are.same(today, columns(store))
      local rows = assert(store:query([[select id, r.body, a.body from call
        left join call_request r using (n) left join call_answer a using (n) order by call.n]]))
      assert.are.same({ "a", "{}", "\0\255", n = 3 }, rows[1])
      assert.are.same({ "b", n = 3 }, rows[2])
    end)
  end)
end
