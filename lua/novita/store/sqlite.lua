--- The backend of stores in a file, by SQLite.

local core = require("novita.core")
local driver = require("novita.sqlite")
local loops = require("novita.loop")
local words = require("novita.store.words")

local sqlite = {}

local BUSY = 200 -- ms that a statement blocks in wait for a lock; the store waits longer, in tasks

---@class novita.SqliteBackend: novita.StoreBackend
local methods = { kind = "sqlite", words = words.sqlite, bytes = driver.blob }
local mt = { __index = methods }

-- Scripts may block, which is faster than a task that waits; editors and workers of nginx may not.
local function busy_timeout()
  return loops.is_script(loops.here()) and BUSY or 0
end

-- Answers of these pragmas are not checked: where a file can't have a journal, it needs none.
local function configure(self, db)
  for _, sql in ipairs {
    "pragma busy_timeout = " .. busy_timeout(),
    "pragma journal_mode = wal",
    "pragma wal_autocheckpoint = 16000", -- pages: those written again and again go to the file once
    "pragma synchronous = " .. self.synchronous,
  } do
    local rows, err = db:query(sql)
    if not rows then return nil, err end
  end
  local rows, err = db:query("pragma database_list")
  if not rows then return nil, err end
  self.file = rows[1][3] ~= "" and rows[1][3] or nil -- symbolic links are followed; none in memory
  return db
end

-- Says why a file that is there can't be opened, which SQLite does not; "" where that is unknown.
local function obstacle(path)
  if core.same_file(path .. "/.", path) then return ": is a folder" end
  if not core.same_file(path, path) then return "" end
  return ": the file is there; it must be writable, and so must its folder, for SQLite's journal"
end

-- Adds the path to an error of SQLite, which lacks it.
local function unusable(self, err)
  err.message = ("%s: %s%s"):format(self.path, err.message,
    err.reason == "open" and obstacle(self.path) or "")
  return nil, err
end

--- Opens the file, and makes it where there is none.
---@return novita.Database? db
---@return novita.Error? err
function methods:open()
  local db, err = driver.open(self.path)
  if not db then return unusable(self, err) end
  local ready
  ready, err = configure(self, db)
  if ready then return ready end
  db:close()
  return unusable(self, err)
end

-- Reasons that concern the file, so that its name says more than the statement.
local OF_FILE = { full = true, denied = true, open = true, io = true, corrupt = true,
  version = true }

--- Adds the path to an error that concerns the file.
---@param err any
---@param always? boolean to any other, too
function methods:name(err, always)
  if type(err) ~= "table" or err.kind ~= "store" or not self.file then return end
  if not (always or OF_FILE[err.reason]) then return end
  local head = self.path .. ": "
  if err.message:sub(1, #head) ~= head then err.message = head .. err.message end
end

-- Copies what is in an open file whose name leads elsewhere to a file beside it.
local function rescue(self, db)
  local path, number = self.file .. ".rescued", 1
  while core.same_file(path, path) do
    number = number + 1
    path = ("%s.rescued%d"):format(self.file, number)
  end
  local copy, err = driver.open(path) -- for its owner only
  if not copy then return nil, err end
  copy:close()
  local done
  done, err = db:query("vacuum into $1", path)
  if not done then
    os.remove(path)
    return nil, err
  end
  db:query("pragma wal_checkpoint(truncate)") -- its journal has the name of that of the new file
  return path
end

--- Checks that the file still has its name: what is written to one that has none is lost in the
--- end. If it has not, the store goes on in a copy.
---@param db novita.Database
---@return true? intact
---@return novita.Error? err which names the copy
---@return boolean? copied to a file that is to be opened in its place
function methods:check(db)
  if not db:moved() then return true end
  local file = self.file
  local path, problem = rescue(self, db)
  if path then self.path, self.file = path, nil end
  return nil, core.error { kind = "store", reason = "moved", message = file
    .. ": the file was deleted, renamed or replaced while it was open; what it held " .. (path
    and ("is in %s: rename that"):format(path) or "can't be copied: " .. problem.message),
  }, path ~= nil
end

--- Takes a lock, which the system frees with the process.
---@param _ novita.Database
---@param number integer
---@return table? lock with release()
---@return novita.Error? err whose holder is the id of a process
function methods:lock(_, number)
  if not self.file then
    return { release = function() end, lost = function() return false end }
  end
  return driver.lock(self.file .. ".lock", number)
end

--- Returns who holds a lock.
---@param _ novita.Database
---@param number integer
---@return integer? holder the id of a process
function methods:locked(_, number)
  return self.file and driver.locked(self.file .. ".lock", number)
end

function mt:__tostring() return "sqlite:" .. self.path end

--- Makes the backend of a file.
---@param path string
---@param synchronous "full"|"normal"
---@return novita.SqliteBackend
function sqlite.new(path, synchronous)
  return setmetatable({ path = path, synchronous = synchronous }, mt)
end

return sqlite
