--- The rows of an input file, one after the other, in constant memory: JSON Lines, CSV with a
--- header, or the lines of OpenAI's and Novita's batches. A row that can't be used has a problem,
--- and the next one goes on.

local compat = require("novita.compat")
local core = require("novita.core")
local csv = require("novita.batch.csv")
local config_error = require("novita.error_hint").config_error
local jsonl = require("novita.batch.jsonl")
local lines = require("novita.batch.lines")
local misuse = require("novita.misuse")

local input = {}

local BLOCK = 65536
local MOST = 2 ^ 27 -- bytes of a record: an open quote must not swallow all memory
local EXACT = 2 ^ 53 -- up to here every Lua holds an integer exactly

-- Files of other kinds that are easily given, by their first bytes.
local OTHERS = {
  ["^\31\139"] = "is compressed: unpack it first", ["^PK\3\4"] = "is a zip file: unpack it first",
  ["^\255\254"] = "is UTF-16: convert it to UTF-8",
  ["^\254\255"] = "is UTF-16: convert it to UTF-8",
}

---@class novita.batch.Record
---@field line integer that it begins in; counts from 1
---@field offset integer of its first byte in the file
---@field row? table<string, any> nil where there is a problem
---@field problem? string why it can't be used: "is not JSON: ..."

---@class novita.batch.Row: novita.batch.Record
---@field seq integer counts the rows of the file from 1, with those that have problems
---@field id? string
---@field body? table the request of a batch line
---@field url? string the endpoint that a batch line names: "/v1/chat/completions"

---@class novita.batch.InputOptions
---@field format? "jsonl"|"csv" default: by the name of the file, "csv" for .csv
---@field id? string|false the field or column of the id; default: custom_id, else id; false: none
---@field block_bytes? integer bytes that are read at once
---@field max_row_bytes? integer bytes that a row may have; default: 128 MiB

-- Identifiers ------------------------------------------------------------------------------------

-- The id as text, so that 1 and "1" are the same, or nil and what is wrong.
local function id_text(value, field)
  if type(value) == "string" and not value:find("\0", 1, true) then return value end
  local is_number = type(value) == "number"
  if is_number and value % 1 == 0 and math.abs(value) < EXACT then return ("%d"):format(value) end
  local why = is_number and " is not exact: write it as a string" or " is not an id"
  local shown = is_number and ("%.17g"):format(value) or misuse.shown(value)
  return nil, ('has an id that can\'t be used: in "%s", %s%s'):format(field, shown, why)
end

-- The id of a row, or nil and, where it must have one, what is wrong.
local function id_of(row, field)
  if field == false then return nil end
  local name = field or row.custom_id ~= nil and "custom_id" or "id"
  local value = row[name]
  if value == nil or value == "" then
    return nil, field and ('has no id: "%s" is missing or empty'):format(field) or nil
  end
  return id_text(value, name)
end

-- Rows -------------------------------------------------------------------------------------------

local function is_object(value)
  return type(value) == "table" and value[1] == nil
    and getmetatable(value) ~= getmetatable(core.array {})
end

-- Adds what a batch line says.
local function read_batch_line(record)
  local row = record.row
  if not is_object(row.body) then return end
  record.body = row.body
  record.url = type(row.url) == "string" and row.url or nil
  if row.method ~= nil and row.method ~= "POST" then
    record.problem = "has another method than POST: " .. misuse.shown(row.method)
  end
end

-- Completes a record.
local function complete(record, field)
  if not record.problem then
    record.id, record.problem = id_of(record.row, field)
    if not record.problem then read_batch_line(record) end
  end
  if record.problem then record.row, record.body = nil, nil end
  return record
end

-- Readers ----------------------------------------------------------------------------------------

---@class novita.batch.Reader
---@field path string
---@field names? string[] the columns of a CSV file
local methods = {}
local mt = { __name = "novita.batch.reader", __index = methods }

-- Returns a function that reads blocks of a file.
local function blocks_of(file, size)
  return function()
    local block, problem = file:read(size)
    if block == "" then return nil end
    return block, problem
  end
end

-- Returns what is wrong with a file that begins with these bytes, or nil.
local function problem_of(head)
  for pattern, why in compat.each(OTHERS) do
    if head:find(pattern) then return why end
  end
end

-- Opens a file, unless it is of another kind. Rows are read again, so it must not be a pipe.
local function open_file(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem:gsub("^.*: ", "") end
  local head
  head, problem = file:read(4) -- of a directory, this fails
  problem = problem or problem_of(head or "")
  if not problem and file:seek("set", 0) then return file end
  file:close()
  return nil, problem or "is a pipe: write it to a file first"
end

-- The records from an offset on.
local function records_from(self, file, offset)
  file:seek("set", offset)
  local next_line = lines.of(blocks_of(file, self.block_bytes), self.most, offset)
  if self.format == "jsonl" then return jsonl.records(next_line) end
  if self.names then return csv.records(next_line, self.most, self.names) end
  local names, problem = csv.header(next_line, self.most)
  if not names then return nil, problem end
  self.names = names
  return csv.records(next_line, self.most, names)
end

local function failed(self, problem)
  return config_error("input", ('"%s": %s'):format(self.path, problem))
end

--- Returns the next row; nil at the end.
---@return novita.batch.Row? row
---@return novita.Error? err kind config: the file can't be read further
function methods:next()
  if not self.file then return nil end
  local record, problem = self.next_record()
  if not record then
    self:close()
    if problem then return nil, failed(self, problem) end
    return nil
  end
  self.seq = self.seq + 1
  record.seq = self.seq
  return complete(record, self.id)
end

-- `for row in reader`: raises the error, so that a cut file can't look complete.
function mt:__call()
  local row, err = self:next()
  if err then error(err, 0) end
  return row
end

--- Reads the row at an offset again. It has neither seq nor line, which count from the start.
---@param offset integer
---@return novita.batch.Row? row nil on failure
---@return novita.Error? err kind config: no row begins there any more
function methods:at(offset)
  local problem
  if not self.again then
    self.again, problem = open_file(self.path)
    if not self.again then return nil, failed(self, problem) end
  end
  local record
  record, problem = records_from(self, self.again, offset)()
  if not record then return nil, failed(self, problem or "is shorter than it was") end
  record.line = nil
  return complete(record, self.id)
end

--- Closes the file. Idempotent; the end of the rows does it, too. `at` opens it again.
function methods:close()
  if self.file then self.file:close() end
  if self.again then self.again:close() end
  self.file, self.again = nil, nil
end

mt.__close = methods.close

-- Opening ----------------------------------------------------------------------------------------

local function checked(path, how)
  if type(path) ~= "string" then misuse.expected("input", "the name of a file", path) end
  local format = how.format or (path:lower():find("%.csv$") and "csv" or "jsonl")
  if format ~= "csv" and format ~= "jsonl" then
    misuse.expected("format", '"jsonl" or "csv"', format)
  end
  return {
    path = path, format = format, id = how.id, seq = 0,
    block_bytes = how.block_bytes or BLOCK, most = how.max_row_bytes or MOST,
  }
end

local function is_column(self, name)
  for _, column in ipairs(self.names) do
    if column == name then return true end
  end
  return #self.names == 0 -- an empty file
end

--- Opens an input file.
---@param path string
---@param how? novita.batch.InputOptions
---@return novita.batch.Reader? reader `for row in reader do`
---@return novita.Error? err kind config
function input.open(path, how)
  local self = setmetatable(checked(path, how or {}), mt)
  local problem
  self.file, problem = open_file(path)
  if not self.file then return nil, failed(self, problem) end
  self.next_record, problem = records_from(self, self.file, 0)
  if self.next_record and self.names and self.id and not is_column(self, self.id) then
    problem = ('has no column "%s"'):format(self.id)
  end
  if problem then
    self:close()
    return nil, failed(self, problem)
  end
  return self
end

misuse.guard("reader", mt)

return input
