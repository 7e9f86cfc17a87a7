--- Reads the input into the store: a row of `item` for each of its rows, a `call` for each request
--- that the store does not know yet.
---
--- The rows are compared with those of the last reading. As long as they agree nothing is written;
--- where only the request has changed, one column is; from the first row that another one has taken
--- the place of, all are rewritten. Answers stay, those to requests that are no longer asked
--- too.

local bulk = require("novita.batch.bulk")
local each = require("novita.compat").each
local config_error = require("novita.error_hint").config_error
local input = require("novita.batch.input")

local import = {
  --- Begins the id of a row that can't be sent and has none; its number follows.
  UNNAMED = "\1#",
}

local CHUNK_ROWS = 500 -- of a transaction
local CHUNK_BYTES = 2 ^ 22
local MOST_COUNTS = 10000 -- of equal requests that are kept in mind
local MOST_NAMED = 10 -- duplicates in an error

-- A row whose call was removed has no key, so that it gets one again.
local SELECT = [[select seq, id, (select c.key from call c where c.batch = item.batch
    and c.id = item.id and c.key = item.key), problem, line, place from item
  where batch = $1 and seq between $2 and $3 order by seq]]
local DELETE = "delete from item where batch = $1 and seq >= $2"
local SEQS = "select seq from item where batch = $1 and seq between $2 and $3"
local UPDATE = "update item set key = $3, problem = $4 where batch = $1 and seq = $2"
local LINE = "select line from item where batch = $1 and id = $2"

local insert_items = bulk.statement([[insert into item (batch, seq, id, key, problem, line, place)
  values {values} on conflict do nothing]], 7)
local insert_calls = bulk.statement([[insert into call
  (batch, id, key, model, prompt_estimate, completion_estimate)
  values {values} on conflict do nothing]], 6)
-- SQLite gives a call the number of one that was removed, whose request may be there still.
local insert_requests = bulk.statement([[insert into call_request (n, body)
  select c.n, given.column4 from (values {values}) as given join call c
    on c.batch = cast(given.column1 as bigint) and c.id = given.column2 and c.key = given.column3
  where true on conflict (n) do update set body = excluded.body]], 4)

---@class novita.BatchImport
---@field store novita.Store
---@field batch integer the number of the batch in its store
---@field identity novita.BatchIdentity
---@field rewrites boolean whether all rows are written from here on
---@field counts table<string, integer> requests without an id -> how many are equal
---@field counted integer members of counts
---@field duplicates table[] { id, line, line } of rows whose id is taken, the first ones
---@field duplicate_count integer

-- Puts the request and its key in the place of what a row holds, or else the problem. A row
-- without an `id` gets one when it is written.
local function prepare(self, row)
  if not row.problem then row.request, row.problem = self.identity:of(row) end
  if row.request then
    row.key = row.request.key
  else
    row.problem = ("line %d %s"):format(row.line, row.problem:gsub("%z", "?"))
    row.id = row.id or import.UNNAMED .. row.seq
  end
  row.row, row.body = nil, nil
end

-- Where a row stands in the input: its prompt is read again where the store keeps none.
local function place_of(self, row)
  return not self.store.prompts and row.offset or nil
end

-- Is it the row that stood here at the last reading? A row without an id has a number among equal
-- ones in its place, which can't have changed if none before it has.
local function is_same(self, old, record)
  local same = record.id and old[2] == record.id
    or not record.id and old[3] == record.key and old[2]:match("^(.*)#%d+$") == record.key
  return same and old[5] == record.line and old[6] == place_of(self, record)
end

-- Inserts rows under these ids, unless they are there.
local function insert_rows(self, records, ids)
  local values, at = {}, 0
  for index, record in ipairs(records) do
    values[at + 1], values[at + 2], values[at + 3] = self.batch, record.seq, ids[index]
    values[at + 4], values[at + 5], values[at + 6] = record.key, record.problem, record.line
    values[at + 7] = place_of(self, record)
    at = at + 7
  end
  return insert_items(self.store, values, #records)
end

-- Inserts the calls of rows with these ids, unless they are there, and their requests.
local function insert_calls_of(self, records, ids)
  local calls, requests, count = {}, {}, 0
  for index, record in ipairs(records) do
    local id, request, at = ids[index], record.request, 6 * count
    if id and request then
      calls[at + 1], calls[at + 2], calls[at + 3] = self.batch, id, record.key
      calls[at + 4], calls[at + 5] = request.model, request.prompt
      calls[at + 6] = request.completion
      at = 4 * count
      requests[at + 1], requests[at + 2], requests[at + 3] = self.batch, id, record.key
      requests[at + 4] = self.store.prompts and request.body or nil
      count = count + 1
    end
  end
  local done, err = insert_calls(self.store, calls, count)
  if not done then return nil, err end
  return insert_requests(self.store, requests, count)
end

-- The id of a row without one: its key, and a number among its equals.
local function counted_id(self, record, counts)
  local key = record.key
  local count = (counts[key] or self.counts[key] or 0) + 1
  counts[key] = count
  return ("%s#%d"):format(key, count)
end

-- Inserts a row whose id another one has: under another number, or not at all. Returns its id, or
-- false where it is a duplicate.
local function insert_again(self, record, results)
  if record.id then
    local rows, err = self.store:query(LINE, self.batch, record.id)
    if not rows then return nil, err end
    results.duplicates[#results.duplicates + 1] = { record.id, rows[1][1], record.line }
    return false
  end
  local id, changed, err
  repeat
    id = counted_id(self, record, results.counts)
    changed, err = insert_rows(self, { record }, { id })
    if not changed then return nil, err end
  until changed > 0
  return id
end

-- Inserts those of some rows that were not inserted, since another one has their id.
local function insert_missing(self, records, ids, results)
  local rows, err = self.store:query(SEQS, self.batch, records[1].seq, records[#records].seq)
  if not rows then return nil, err end
  local present = {}
  for _, row in ipairs(rows) do present[row[1]] = true end
  for index, record in ipairs(records) do
    if not present[record.seq] then
      ids[index], err = insert_again(self, record, results)
      if ids[index] == nil then return nil, err end
    end
  end
  return true
end

-- Inserts some rows, and their requests unless they are there.
local function insert(self, records, results)
  local ids = {}
  for index, record in ipairs(records) do
    ids[index] = record.id or counted_id(self, record, results.counts)
  end
  local done, err = insert_rows(self, records, ids)
  if done and done < #records then done, err = insert_missing(self, records, ids, results) end
  if not done then return nil, err end
  return insert_calls_of(self, records, ids)
end

-- Inserts all rows from one on, in place of those of the last reading.
local function rewrite(self, records, first, results)
  local done, err = true, nil
  if not self.rewrites then
    results.rewrites = true
    done, err = self.store:query(DELETE, self.batch, records[first].seq)
  end
  local rest = {}
  for index = first, #records do rest[#rest + 1] = records[index] end
  if done then done, err = insert(self, rest, results) end
  return done and true, err
end

local function update(self, old, record)
  if old[3] == record.key and old[4] == record.problem then return true end
  local done, err = self.store:query(UPDATE, self.batch, record.seq, record.key, record.problem)
  if not done then return nil, err end
  return insert_calls_of(self, { record }, { record.id })
end

-- Returns the rows of the last reading by their numbers.
local function old_rows(self, first, last)
  local by_seq = {}
  if self.rewrites then return by_seq end
  local rows, err = self.store:query(SELECT, self.batch, first, last)
  if not rows then return nil, err end
  for _, row in ipairs(rows) do by_seq[row[1]] = row end
  return by_seq
end

-- Writes what is new in some rows. Returns what is known afterwards, which counts once the
-- transaction is committed.
local function write(self, records)
  local results = { rewrites = self.rewrites, counts = {}, duplicates = {} }
  local old, err = old_rows(self, records[1].seq, records[#records].seq)
  if not old then return nil, err end
  for index, record in ipairs(records) do
    local before = old[record.seq]
    local done
    if not before or not is_same(self, before, record) then
      done, err = rewrite(self, records, index, results)
      return done and results, err
    end
    done, err = update(self, before, record)
    if not done then return nil, err end
  end
  return results
end

local function keep_counts(self, counts)
  for key, count in each(counts) do
    if count > 1 then
      if not self.counts[key] then self.counted = self.counted + 1 end
      self.counts[key] = count
    end
  end
  if self.counted > MOST_COUNTS then self.counts, self.counted = {}, 0 end
end

local function commit(self, records)
  if not records[1] then return true end
  local results, err = self.store:transaction(function() return write(self, records) end)
  if not results then return nil, err end
  self.rewrites = results.rewrites
  keep_counts(self, results.counts)
  for _, duplicate in ipairs(results.duplicates) do
    self.duplicate_count = self.duplicate_count + 1
    if self.duplicate_count <= MOST_NAMED then
      self.duplicates[self.duplicate_count] = duplicate
    end
  end
  return true
end

local function duplicates_error(self)
  local list = {}
  for index, duplicate in ipairs(self.duplicates) do
    list[index] = ('"%s" (lines %d and %d)'):format(duplicate[1], duplicate[2], duplicate[3])
  end
  local more = self.duplicate_count - #list
  return config_error("input", ("rows have the same id: %s%s"):format(table.concat(list, ", "),
    more > 0 and (" and %d more"):format(more) or ""))
end

-- Reads rows up to the size of a chunk.
local function next_chunk(self, reader)
  local records, bytes = {}, 0
  while #records < CHUNK_ROWS and bytes < CHUNK_BYTES do
    local row, err = reader:next()
    if err then return nil, err end
    if not row then break end
    prepare(self, row)
    bytes = bytes + (row.request and #row.request.body or 0)
    records[#records + 1] = row
  end
  return records
end

local function read_all(self, reader)
  local last = 0
  while true do
    local records, err = next_chunk(self, reader)
    if not records then return nil, err end
    if not records[1] then break end
    local done
    done, err = commit(self, records)
    if not done then return nil, err end
    last = records[#records].seq
  end
  local done, err = self.store:query(DELETE, self.batch, last + 1)
  if not done then return nil, err end
  if self.duplicate_count > 0 then return nil, duplicates_error(self) end
  return last
end

--- Reads the input of a batch into its store.
---@param store novita.Store
---@param batch integer the number of the batch in it
---@param fields table input, format and id of the batch
---@param identity novita.BatchIdentity
---@return integer? rows of the input; nil on failure
---@return novita.Error? err config: the file can't be read, or ids are there twice; store
function import.run(store, batch, fields, identity)
  local reader, err = input.open(fields.input, { format = fields.format, id = fields.id })
  if not reader then return nil, err end
  local self = {
    store = store, batch = batch, identity = identity, rewrites = false,
    counts = {}, counted = 0, duplicates = {}, duplicate_count = 0,
  }
  local rows
  rows, err = read_all(self, reader)
  reader:close()
  return rows, err
end

return import
