-- novita.sqlite: databases in a file.

local files = require("spec.support.files")

local output = require("spec.support.shell").output

describe("a file of novita.sqlite", function()
  local sqlite, dir

  setup(function() sqlite = require("novita.sqlite") end)
  before_each(function() dir = files.folder() end)

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
end)
