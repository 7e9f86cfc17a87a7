--- The backend of stores on a server, by PostgreSQL.

local advisory = require("novita.store.advisory")
local driver = require("novita.postgres")
local words = require("novita.store.words")

local postgres = {}

local IDLE = 10000 -- ms: a process that is stopped within a transaction holds its rows no longer
-- The server may not have noticed yet that a connection is lost, which holds locks until then.
local END_FORMER = [[select pg_terminate_backend(pid), pg_sleep(0.05) from pg_stat_activity
  where pid = $1 and backend_start = $2::timestamptz]]

---@class novita.PostgresBackend: novita.StoreBackend
---@field former { pid: integer, started: string }? the last connection
local methods = {
  kind = "postgres", words = words.postgres, bytes = driver.blob,
  guard = advisory.guard, lock = advisory.lock, locked = advisory.locked,
}
local mt = { __index = methods }

-- Runs statements; returns the rows of the last one.
local function all(db, statements)
  local rows, err
  for _, sql in ipairs(statements) do
    rows, err = db:query(sql)
    if not rows then return nil, err end
  end
  return rows
end

local function configure(self, db)
  local rows, err = all(db, {
    "set idle_in_transaction_session_timeout = " .. IDLE,
    "set synchronous_commit = " .. (self.synchronous == "full" and "on" or "off"),
    "select pid, backend_start::text from pg_stat_activity where pid = pg_backend_pid()",
  })
  if not rows then return nil, err end
  local former = self.former
  self.former = { pid = rows[1][1], started = rows[1][2] }
  if not former then return db end
  rows, err = db:query(END_FORMER, former.pid, former.started)
  return rows and db, err
end

--- Connects.
---@return novita.Database? db
---@return novita.Error? err
function methods:open()
  local db, err = driver.open(self.address)
  if not db then return nil, err end
  local ready
  ready, err = configure(self, db)
  if not ready then db:close() end
  return ready, err
end

function mt:__tostring()
  return (self.address:gsub("//[^@/]*@", "//"):gsub("%?.*", ""))
end

--- Makes the backend of a server.
---@param address string
---@param synchronous "full"|"normal"
---@return novita.PostgresBackend
function postgres.new(address, synchronous)
  return setmetatable({ address = address, synchronous = synchronous }, mt)
end

return postgres
