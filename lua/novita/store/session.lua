--- The connection of a store: opened when it is needed, and again when it was lost. A transient
--- failure (a busy file, a lost connection) is retried by one task, while the others wait.

local compat = require("novita.compat")
local core = require("novita.core")
local loops = require("novita.loop")
local schema = require("novita.store.schema")

local each = compat.each

local session = {}

local PATIENCE = 60 -- seconds for which what passes is tried again
local FIRST_PAUSE, LONGEST_PAUSE = 0.005, 1 -- seconds between two tries
local BUSY_PAUSE = 0.02 -- the longest for a lock, which another process holds for milliseconds
local PASSING = { busy = true, serialization = true, connection = true }

--- The part of a store that differs between the databases.
---@class novita.StoreBackend
---@field kind "sqlite"|"postgres"
---@field words fun(sql: string): string writes a statement as this database reads it
---@field bytes fun(text: string): any makes a parameter of bytes
---@field once boolean? true: a connection that is lost is lost for good
---@field guard string? a statement by which a transaction waits for others that change the schema
---@field open fun(self): novita.Database?, novita.Error?
---@field name? fun(self, err: any, always: boolean?) adds its name to an error that concerns it
---@field check? fun(self, db: novita.Database): true?, novita.Error?, boolean? is what was opened
---  still in its place? the third result: it is to be opened again
---@field lock fun(self, db: novita.Database, number: integer): table?, novita.Error?
---@field locked fun(self, db: novita.Database, number: integer): integer|string|nil

---@class novita.StoreSession
---@field backend novita.StoreBackend
---@field db novita.Database? nil where the connection was lost
---@field connected boolean? was it ever? an address that was never right is not tried again
---@field locks table<string, novita.StoreLock> those held, which a new connection takes again
---@field turn { user: any, transaction: boolean? } who uses it
local methods = {}
local mt = { __index = methods }

--- Is it an error after which the same may succeed?
---@param err any
---@return boolean
function session.is_passing(err)
  return type(err) == "table" and err.kind == "store" and PASSING[err.reason] == true
end

-- Lets other tasks run meanwhile; goes on also when this one is cancelled.
local function rest(seconds)
  local loop = loops.here()
  local pause = loop.spawn(function() loop.sleep(seconds) end)
  repeat local done = pause:join() until done
end

local function disconnect(self)
  if self.db then self.db:close() end
  self.db = nil
end

-- A new connection has none of the locks of the old one.
local function take_locks_again(self, db)
  for _, lock in each(self.locks) do
    local handle, err = self.backend:lock(db, lock.number)
    if not handle then return nil, err end
    lock.handle = handle
  end
  return true
end

-- Returns the database; opens it again if the connection was lost.
local function connect(self)
  if self.db then return self.db end
  local db, err = self.backend:open()
  if not db then return nil, err end
  local ok
  ok, err = schema.prepare(db, self.backend)
  if ok then ok, err = take_locks_again(self, db) end
  if not ok then
    if self.backend.name then self.backend:name(err, true) end
    db:close()
    return nil, err
  end
  self.db, self.connected = db, true
  return db
end

local function release_locks(self)
  for _, lock in each(self.locks) do lock.handle:release() end
end

-- Takes the locks again whose file was deleted; one that another process has taken meanwhile is an
-- error once, so that what is in flight is saved still.
local function keep_locks(self, db)
  for name, lock in each(self.locks) do
    if not lock.taken and lock.handle:lost() then
      local handle, err = self.backend:lock(db, lock.number)
      lock.taken = not handle
      if not handle then
        if err.reason == "locked" then err.message = name .. ": " .. err.message end
        return nil, err
      end
      lock.handle:release()
      lock.handle = handle
    end
  end
  return db
end

-- Returns the database, unless it is not in its place any more.
local function checked(self, db)
  if not self.backend.check or self.turn.transaction then return db end
  local ok, err, again = self.backend:check(db)
  if ok then return keep_locks(self, db) end
  if again then
    release_locks(self)
    disconnect(self)
  end
  return nil, err
end

-- Runs an operation on the database, again as long as it fails for what passes.
local function persist(self, operation)
  local give_up, pause = core.now() + PATIENCE, FIRST_PAUSE
  while true do
    local result
    local db, err = connect(self)
    if db then db, err = checked(self, db) end
    if db then result, err = operation(db) end
    if result then return result end
    if self.backend.name then self.backend:name(err) end
    local is_lost = not self.connected or self.backend.once
    if not session.is_passing(err) or is_lost and err.reason == "connection" then
      return nil, err
    end
    if err.reason == "connection" then disconnect(self) end
    if core.now() >= give_up then return nil, err end
    rest(pause)
    pause = math.min(2 * pause, self.db and err.reason == "busy" and BUSY_PAUSE or LONGEST_PAUSE)
  end
end

local OUTSIDE = {} -- stands for code outside of coroutines

local function user() return compat.running() or OUTSIDE end

--- Runs an operation on the database while no other task uses the store, again as long as it fails
--- for what passes.
---@param operation fun(db: novita.Database): any, any
---@return any result nil on failure
---@return any err
function methods:use(operation)
  if self.turn.user == user() then return persist(self, operation) end -- a finalizer runs this
  while self.turn.user do rest(FIRST_PAUSE) end
  self.turn.user = user()
  local ok, result, err = compat.pcall(persist, self, operation)
  self.turn.user = nil
  if not ok then error(result, 0) end
  return result, err
end

--- Returns the database if this code is within the function of a transaction.
---@return novita.Database?
function methods:transaction_of()
  return self.turn.transaction and self.turn.user == user() and self.db or nil
end

--- Frees the locks and closes the database.
function methods:close()
  release_locks(self)
  self.locks = {}
  disconnect(self)
end

--- Makes a session, which is not connected yet.
---@param backend novita.StoreBackend
---@return novita.StoreSession
function session.new(backend)
  return setmetatable({
    backend = backend, locks = {},
    turn = setmetatable({}, { __mode = "v" }), -- a collected task has no turn
  }, mt)
end

return session
