--- Writes the answers of a batch to its output, a line for each row of the input as last read.

local import = require("novita.batch.import")
local output = require("novita.batch.output")
local pages = require("novita.batch.pages")
local stored = require("novita.store.stored")

local export = {}

local PAGE = 500 -- rows that are read at once
local UNNAMED = import.UNNAMED:byte()

local SELECT = [[select i.seq, i.id, i.problem, c.state, c.status, c.request_id, c.error,
  (select body from call_answer where n = c.n), i.key, c.remote
  from item i left join call c on c.batch = i.batch and c.id = i.id and c.key = i.key
  where i.batch = $1 and i.seq > $2 order by i.seq limit $3]]

local IN_DOUBT = {
  code = "in_doubt", message = "this row was sent, and its answer was lost: see in_doubt",
}
local REMOTE = {
  code = "submitted", message = "this row is at the server's Batch API: fetch brings its answer",
}

-- Rows without an id of their own are named by their number; import.lua says what they have.
local function name_of(seq, id, key)
  local unnamed = id:byte() == UNNAMED and id == import.UNNAMED .. seq
    or key and #id > #key and id:sub(1, #key + 1) == key .. "#"
  return unnamed and "row-" .. seq or id
end

local function error_of(row)
  local problem, state, text = row[3], row[4], row[7]
  if problem then return { code = "invalid_row", message = problem } end
  if state == "sent" then return row[10] and REMOTE or IN_DOUBT end
  if state ~= "failed" or not text then return nil end
  local fields, err = stored.object(text, "the error of the row in the store")
  fields = fields or { kind = err.kind, reason = err.reason, message = err.message }
  if fields.code == nil then fields.code = fields.kind end
  return fields
end

local function result_of(row)
  local has_ended = row[4] == "done" or row[4] == "failed"
  return {
    id = name_of(row[1], row[2], row[9]), error = error_of(row),
    status = has_ended and row[5] or nil, request_id = has_ended and row[6] or nil,
    answer = has_ended and row[8] or nil,
  }
end

-- Returns a function that gives the result of one row after the other.
local function results_of(store, batch)
  local next_row = pages.rows(function(last) return store:query(SELECT, batch, last, PAGE) end)
  return function()
    local row, err = next_row()
    return row and result_of(row), err
  end
end

--- Writes the output of a batch.
---@param store novita.Store
---@param batch integer the number of the batch in its store
---@param path string
---@return integer? count of the lines; nil on failure
---@return novita.Error? err config: the file can't be written; store
function export.run(store, batch, path)
  return output.write(path, results_of(store, batch))
end

--- Writes the output at the end of a run, whose answers are in the store in any case.
---@param store novita.Store
---@param batch integer
---@param path string
---@return integer? count nil on failure
---@return novita.Error? err as of run; where the file can't be written its field `saved` is true
function export.finish(store, batch, path)
  local count, err = export.run(store, batch, path)
  if not count and err.kind == "config" then
    err.saved = true
    err.message = err.message .. " (the answers are in the store, and export writes them)"
  end
  return count, err
end

return export
