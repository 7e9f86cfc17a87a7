--- Locks of PostgreSQL that stand for no row: those of a store, and the one for its schema. The
--- server frees them with the connection.

local core = require("novita.core")

local advisory = {}

local HALF = 2 ^ 32 -- the server shows a lock's number in two halves

-- Returns the name of another connection, and its host.
local HOLDER = [[select a.application_name || coalesce(' at ' || host(a.client_addr), '')
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select oid from pg_database where datname = current_database())
    and l.classid = $1::bigint::oid and l.objid = $2::bigint::oid]]

--- A statement by which a transaction waits for others that change the schema.
advisory.guard = ("select pg_advisory_xact_lock(%d::bigint)")
  :format(tonumber(core.sha256("novita schema"):sub(1, 12), 16))

--- Returns who holds a lock.
---@param _ novita.StoreBackend
---@param db novita.Database
---@param number integer
---@return string? holder
---@return novita.Error? err
function advisory.locked(_, db, number)
  local rows, err = db:query(HOLDER, math.floor(number / HALF), math.floor(number % HALF))
  if not rows then return nil, err end
  return rows[1] and rows[1][1]
end

--- Takes a lock.
---@param backend novita.StoreBackend
---@param db novita.Database
---@param number integer
---@return table? lock with release()
---@return novita.Error? err whose holder names a connection
function advisory.lock(backend, db, number)
  local rows, err = db:query("select pg_try_advisory_lock($1::bigint)", number)
  if not rows then return nil, err end
  if rows[1][1] then
    return { release = function()
      pcall(db.query, db, "select pg_advisory_unlock($1::bigint)", number) -- it may be closed
    end }
  end
  local holder = advisory.locked(backend, db, number) or "another connection"
  return nil, core.error { kind = "store", reason = "locked", holder = holder,
    message = "locked by " .. holder }
end

return advisory
