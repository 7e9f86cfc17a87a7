-- novita.postgres: databases on a server, by their address.

local database = require("spec.support.database")

local engine = database.postgres
local row = database.row

describe("a connection of novita.postgres, #postgres,", function()
  local one, two

  setup(engine.setup)
  before_each(function() one, two = engine.pair() end)
  after_each(function() engine.clear(one, two) end)

  it("is not made by an address that can't be read, and no password is shown", function()
    local SECRET = "pass-word"
    for _, address in ipairs { "", "a\0b", "postgresql://u:" .. SECRET .. "@x@host/db",
      "postgresql://u:x/" .. SECRET .. "@host/db", "postgresql://u:" .. SECRET .. "/?@host/db",
      "postgresql://u:x?@" .. SECRET .. "@host/db", "postgresql://u:%zz" .. SECRET .. "@host/db",
      "host=x password=" .. SECRET .. " or", "postgresql://u:" .. SECRET .. "@host/db?none=1" } do
      local db, err = engine.module.open(address)
      assert.are.same({ "config", "address" }, { not db and err.kind, err.param }, address)
      assert.is_nil(err.message:find(SECRET, 1, true))
    end
    local db, err = engine.module.open("postgresql://u:" .. SECRET .. "@127.0.0.1:1/db")
    assert.are.same({ "store", "connection" }, { not db and err.kind, err.reason })
    assert.is_nil(err.message:find(SECRET, 1, true))
    assert.is_truthy(tostring(err):find("^store connection: [^\n]*127%.0%.0%.1[^\n]*$"))
    assert.is_false(pcall(engine.module.open))
  end)

  it("may be named by a URL", function()
    local address = ("postgresql://spec@/postgres?host=%s&application_name=a%%20b")
      :format(engine.server.dir:gsub("/", "%%2F"))
    local db = assert(engine.module.open(address))
    assert.are.same({ "a b", "UTF8", n = 2 },
      row(db, "select current_setting('application_name'), current_setting('client_encoding')"))
    db:close()
  end)
end)
