---@meta
-- The types of novita.sqlite and novita.postgres, for editors. Nothing here is ever run.

--- The modules novita.sqlite and novita.postgres.
---@class novita.Driver
---@field version string of SQLite, or of libpq
---@field built_for string the Lua that the module was built for
local driver = {}

--- Opens a database. It is of use only in the process that opened it.
---@param address string SQLite: the path of a file, or ":memory:"; PostgreSQL: a URL
---@return novita.Database? db nil on failure
---@return novita.Error? err of kind store, or config where the address can't be right
function driver.open(address) end

--- Bytes as a parameter; a string is text.
---@param bytes string
---@return novita.Blob
function driver.blob(bytes) end

--- Takes a lock between processes: a byte of a file, which the system frees with the process.
--- SQLite only.
---@param path string of a file that is used for nothing else; made where there is none
---@param byte integer
---@return novita.FileLock? lock nil on failure
---@return novita.Error? err of kind store; where it is taken the reason is "locked", and `holder`
---  the id of a process
function driver.lock(path, byte) end

--- Returns the process that holds a lock. SQLite only.
---@param path string
---@param byte integer
---@return integer? holder nil where it is free
function driver.locked(path, byte) end

---@class novita.FileLock
local file_lock = {}

--- Frees the lock. May be called again; collecting it does the same.
function file_lock:release() end

--- Was its file deleted? Others can take the lock then, in a file of that name.
---@return boolean
function file_lock:lost() end

---@class novita.Blob

---@alias novita.Value nil|boolean|number|string|novita.Blob

--- A row: nulls are nil, so its length is in n.
---@class novita.Row
---@field n integer columns
---@field [integer] nil|boolean|number|string

---@class novita.Rows
---@field changed integer rows that the statement has written
---@field columns? string[] their names, of a statement that has rows
---@field [integer] novita.Row

---@class novita.Database
local db = {}

--- Runs a statement. Its parameters are $1, $2 ...
---@param sql string
---@param ... novita.Value
---@return novita.Rows? rows nil on failure
---@return novita.Error? err
function db:query(sql, ...) end

--- Begins a transaction; SQLite takes its lock for writing at once.
---@return true? done nil on failure
---@return novita.Error? err
function db:begin() end

--- Commits it.
---@return true? done nil on failure
---@return novita.Error? err
function db:commit() end

--- Rolls it back, if there is one.
---@return true? done nil on failure
---@return novita.Error? err
function db:rollback() end

--- Has its file been deleted, renamed or replaced since it was opened? SQLite only.
---@return boolean
function db:moved() end

--- Closes the database; what is not committed is rolled back. May be called again.
function db:close() end
