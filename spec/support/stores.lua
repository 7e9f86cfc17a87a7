-- Stores for specs, by SQLite and by PostgreSQL.
--
--   for _, engine in ipairs(stores.engines) do
--     describe("a store by " .. engine.name, function()
--       setup(engine.setup)
--       before_each(function() store = engine.open() end)    the same until engine.clear()
--       after_each(engine.clear)                             which closes what open() gave

local database = require("spec.support.database")
local files = require("spec.support.files")
local novita = require("novita")

local stores = {}

-- What both do: keeps those that are open, to close them.
local function engine(self)
  local opened = {}
  function self.open(options)
    local store = assert(novita.store(self.address(), options))
    opened[#opened + 1] = store
    return store
  end
  function self.clear()
    for _, store in ipairs(opened) do store:close() end
    opened = {}
    self.remove()
  end
  return self
end

local sqlite = { name = "SQLite", kind = "sqlite", setup = function() end }

function sqlite.address()
  sqlite.dir = sqlite.dir or files.folder()
  return sqlite.dir .. "/a b.db"
end

function sqlite.remove()
  if sqlite.dir then os.execute("rm -r " .. sqlite.dir) end
  sqlite.dir = nil
end

local postgres = { name = "#postgres", kind = "postgres" }
postgres.setup, postgres.remove = database.postgres.setup, database.postgres.clear

function postgres.address() return database.postgres.server.url end

stores.sqlite, stores.postgres = engine(sqlite), engine(postgres)
stores.engines = { sqlite, postgres }

--- How many rows the table "meta" has.
---@return integer
function stores.count(store)
  return assert(store:query("select count(*) from meta"))[1][1]
end

--- Adds a row to the table "meta".
---@return table? rows, novita.Error? err
function stores.put(store, name, value)
  return store:query("insert into meta (name, value) values ($1, $2)", name, value)
end

return stores
