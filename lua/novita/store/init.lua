--- Stores: one database, SQLite's or PostgreSQL's, in which batches, workflows, shared limits and
--- the command keep what they have to remember.
--
--     local store = assert(novita.store("labels.db"))
--     store:query("select count(*) from call where batch = $1", name)
--     store:transaction(function() ... end)
--     local lock, err = store:lock("batch labels")      -- err.holder
--
-- A backend (sqlite.lua, postgres.lua, object.lua) opens a database and knows what differs.
-- session.lua keeps the connection, opens it again, and retries transient failures.

local compat = require("novita.compat")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local misuse = require("novita.misuse")
local rule = require("novita.rule")
local session = require("novita.store.session")

local each = compat.each

---@class novita.Stores
---@field records table what reads runs: novita.workflow.records, which stands above and is given by
---  novita.store
---@field queue table what queues runs: novita.workflow.queue, likewise
local stores = {}

local RULES = {
  prompts = rule.boolean,
  synchronous = rule.one_of { full = true, normal = true },
}

local a_connection = rule.with("a connection", "query")

---@class novita.StoreOptions
---@field prompts boolean? default true; false: what is asked is not kept
---@field synchronous "full"|"normal"|nil default "full": a commit survives a power failure;
---  "normal": the last ones may not, and cost less

---@class novita.Store
---@field kind "sqlite"|"postgres"
---@field prompts boolean is it to be kept what was asked?
local methods = {}
local mt = { __name = "novita.store", __index = methods }

---@class novita.StoreLock
local lock_methods = {}
local lock_mt = { __name = "novita.store_lock", __index = lock_methods }

local function check_open(self, name)
  if self.closed then misuse.raise(("store:%s(): the store is closed"):format(name)) end
end

--- Runs a statement, which may have words in braces where the databases differ. Outside of a
--- transaction it is tried again after a lost connection, and so may be done twice.
---@param sql string
---@param ... novita.Value
---@return novita.Rows? rows nil on failure
---@return novita.Error? err
function methods:query(sql, ...)
  check_open(self, "query")
  if type(sql) ~= "string" then misuse.expected("store:query", "a statement", sql) end
  local text = self.backend.words(sql)
  local own = self.session:transaction_of()
  if own then return own:query(text, ...) end
  local given, n = { ... }, select("#", ...)
  return self.session:use(function(db) return db:query(text, compat.unpack(given, 1, n)) end)
end

local function pack(...) return { n = select("#", ...), ... } end

-- Runs the function between begin and commit; returns a list of its results.
local function attempt(self, db, fn)
  local ok, err = db:begin()
  if not ok then return nil, err end
  self.session.turn.transaction = true
  local results = pack(compat.pcall(fn, self))
  self.session.turn.transaction = nil
  local value
  ok, value, err = results[1], results[2], results[3]
  if ok and not (value == nil and err ~= nil) then
    ok, err = db:commit()
    if ok then return results end
  end
  db:rollback()
  if ok == false and not session.is_passing(value) then error(value, 0) end
  return nil, err or value
end

--- Runs a function in a transaction, which is committed when it returns, and rolled back when it
--- raises or returns nil and an error. It is run again where another was in the way, or the
--- connection was lost, so it must not depend on what it did before; and it must not wait.
---@param fn fun(store: novita.Store): any ...
---@return any ... what it returned, true where that is nothing; nil on failure
---@return novita.Error? err
function methods:transaction(fn)
  check_open(self, "transaction")
  if not rule.callable.accepts(fn) then misuse.expected("store:transaction", "a function", fn) end
  if self.session:transaction_of() then
    misuse.raise("store:transaction(): a transaction is active")
  end
  local results, err = self.session:use(function(db) return attempt(self, db, fn) end)
  if not results then return nil, err end
  if results.n == 1 then return true end
  return compat.unpack(results, 2, results.n)
end

--- Lists the runs of workflows, the newest first, without their logs.
---@param filter? novita.RunFilter
---@return novita.RunRecord[]? list
---@return novita.Error? err
function methods:runs(filter)
  check_open(self, "runs")
  return stores.records.list(self, filter)
end

--- Queues a new run of a workflow, for a process that has its flow: flow:work().
---@param flow string the name of the workflow
---@param trigger? any what the flow is given; JSON must have it
---@return novita.RunRecord? record
---@return novita.Error? err
function methods:queue_run(flow, trigger)
  check_open(self, "queue_run")
  return stores.queue.add(self, flow, trigger)
end

--- Queues a run that is paused or has crashed; one that is queued or runs stays as it is.
---@param id string or the first letters of it
---@return novita.RunRecord? record
---@return novita.Error? err kind config for a run that is done, and for an unknown id
function methods:queue_retry(id)
  check_open(self, "queue_retry")
  return stores.queue.retry(self, id)
end

--- Returns the record of a run, with its log.
---@param id string or the first letters of it
---@param options? { content: boolean? } content: the log has what was asked and what was answered
---@return novita.RunRecord? record
---@return novita.Error? err
function methods:run(id, options)
  check_open(self, "run")
  return stores.records.run(self, id, options)
end

--- Makes a parameter of bytes, for a column of bytes; a string is text.
---@param text string
---@return any
function methods:bytes(text)
  return self.backend.bytes(text)
end

-- The number that the database knows a lock by: 48 bits, which every Lua has.
local function number_of(name)
  return tonumber(core.sha256("novita\n", name):sub(1, 12), 16)
end

local function check_name(self, method, name)
  check_open(self, method)
  if type(name) ~= "string" then misuse.expected("store:" .. method, "a name", name) end
end

--- Takes a lock that one process at a time can have; it does not wait. It is freed by release(), by
--- the end of the process, and when the store is closed.
---@param name string
---@return novita.StoreLock? lock nil on failure
---@return novita.Error? err of kind store; where another has it the reason is "locked" and `holder`
---  says who: the id of a process (SQLite), or the name of a connection
function methods:lock(name)
  check_name(self, "lock", name)
  if self.session.locks[name] then
    return nil, core.error { kind = "store", reason = "locked", holder = "this store",
      message = name .. ": locked by this store" }
  end
  local number = number_of(name)
  local handle, err = self.session:use(function(db) return self.backend:lock(db, number) end)
  if not handle then
    if err.reason == "locked" then err.message = name .. ": " .. err.message end
    return nil, err
  end
  local lock = setmetatable({ store = self, name = name, number = number, handle = handle },
    lock_mt)
  self.session.locks[name] = lock
  return lock
end

--- Returns who has a lock: as `holder` of the error of store:lock, "this store" for this one.
---@param name string
---@return integer|string|nil holder nil where it is free
---@return novita.Error? err
function methods:locked(name)
  check_name(self, "locked", name)
  if self.session.locks[name] then return "this store" end
  local number = number_of(name)
  local answer, err = self.session:use(function(db)
    local holder, failure = self.backend:locked(db, number)
    if failure then return nil, failure end
    return { holder = holder }
  end)
  return answer and answer.holder, err
end

--- Frees the lock. Idempotent.
function lock_methods:release()
  local locks = self.store.session.locks
  if locks[self.name] ~= self then return end
  locks[self.name] = nil
  self.handle:release()
end

lock_mt.__close = lock_methods.release

--- Closes the store and frees its locks. Idempotent.
function methods:close()
  self.closed = true
  self.session:close()
end

mt.__close = methods.close

function mt:__tostring()
  return ("novita.store (%s)"):format(tostring(self.backend))
end

misuse.guard("store", mt)
misuse.guard("lock", lock_mt)

-- Makes the backend of an address or an object.
local function backend_of(address, synchronous)
  if type(address) == "table" then return require("novita.store.object").new(address) end
  local part, target = "sqlite", address
  local scheme, rest_of = address:match("^(%a+):(.*)$")
  if scheme == "sqlite" then
    target = rest_of
  elseif scheme == "postgres" or scheme == "postgresql" then
    part = "postgres"
  elseif address:find("^%a[%w+.-]+://") then
    return nil, error_hint.config_error("store", ('"%s:" is no database: a path, or '
      .. "postgresql://user@host/database expected"):format(scheme))
  end
  local ok, backend = pcall(require, "novita.store." .. part)
  if not ok then return nil, error_hint.config_error("store", tostring(backend)) end
  return backend.new(target, synchronous)
end

--- Opens a store, and makes the tables that it lacks.
---@param address string|table "labels.db", "sqlite:labels.db", "postgresql://user@host/database",
---  or a connection to PostgreSQL: an object with query(sql, ...)
---@param options? novita.StoreOptions
---@return novita.Store? store nil on failure
---@return novita.Error? err of kind store; config for an address that can't be right, or where the
---  module of the database is missing
function stores.open(address, options)
  if type(address) ~= "string" and not a_connection.accepts(address) then
    misuse.expected("store", "an address, or an object with query", address)
  end
  options = options or {}
  rule.check("store", options, RULES)
  local backend, err = backend_of(address, options.synchronous or "full")
  if not backend then return nil, err end
  local self = setmetatable({
    kind = backend.kind, prompts = options.prompts ~= false, backend = backend,
    session = session.new(backend),
  }, mt)
  local done
  done, err = self.session:use(function() return true end)
  if not done then return nil, err end
  return self
end

--- Returns the store that an option names: a store, what stores.open takes, or a list of both its
--- arguments: { "labels.db", prompts = false }.
---@param value novita.Store|string|table
---@return novita.Store? store nil on failure
---@return novita.Error? err
function stores.of(value)
  if getmetatable(value) == mt then return value end
  if type(value) ~= "table" or value[1] == nil then return stores.open(value) end
  local options = {}
  for name, option in each(value) do
    if name ~= 1 then options[name] = option end
  end
  return stores.open(value[1], options)
end

return stores
