--- The parts of a batch that are at the server: files of calls to one model each, as its Batch API
--- takes them. What the store knows of a part is written before the server hears of it.
---
--- claimed: its calls are taken, and its file has a name. creating: the file is at the server, a
--- batch may have been made of it. created: the batch has an id. ended: the store has its results.

local claims = require("novita.batch.claims")
local core = require("novita.core")
local pages = require("novita.batch.pages")

local parts = {}

local COLUMNS = "n, name, model, state, rows, file, id, status, completed, failed, problem"
local OPEN = "select " .. COLUMNS .. [[ from remote where batch = $1 and state <> 'ended'
  order by n]]
local ALL = "select " .. COLUMNS .. " from remote where batch = $1 order by n"
local INSERT = [[insert into remote (batch, name, model, state, rows, created_at)
  values ($1, $2, $3, 'claimed', 0, {now})]]
local FIND = "select n from remote where batch = $1 and name = $2"
local UPDATE = [[update remote set state = $2, rows = $3, file = $4, id = $5, status = $6,
  completed = $7, failed = $8, problem = $9,
  ended_at = case when $2 = 'ended' then {now} end where n = $1]]

-- SQLite takes the index call_open for the sake of the condition that state is not done.
local WAITING = "select " .. claims.COLUMNS .. [[ from call c
  join item i on i.batch = c.batch and i.id = c.id and i.key = c.key
  where c.batch = $1 and c.state = 'waiting' and c.state <> 'done' and c.n > $2
  and coalesce(c.model, '') = $3
  order by c.n limit $4 {skip_locked}]]
local TAKE = [[update call set state = 'sent', remote = $2, owner = $3, lease = null,
  sends = sends + 1, sent_at = {now} where n = $1]]
local CALLS = "select " .. claims.COLUMNS .. [[ from call c
  where c.batch = $1 and c.remote = $2 and c.state = 'sent' and c.n > $3 order by c.n limit $4]]
-- The plus keeps SQLite from looking through all calls of the part for the id.
local CALL = [[select n, model, prompt_estimate, completion_estimate from call
  where batch = $1 and id = $2 and +remote = $3 and state <> 'done']]
local LEFT = "select id from call where batch = $1 and remote = $2 and state = 'sent' order by n"
local RELEASE = [[update call set state = 'waiting', remote = null, sends = sends - 1
  where batch = $1 and remote = $2 and state = 'sent']]
local DOUBT = [[update call set state = 'waiting', remote = null, doubts = doubts + 1
  where batch = $1 and remote = $2 and state = 'sent']]

local OWNER = "the server" -- of calls in a part, where several processes run a batch
local PAGE = 500 -- calls that are read at once

---@class novita.BatchPart
---@field n integer its number in the store
---@field name string of its file
---@field model? string
---@field state "claimed"|"creating"|"created"|"ended"
---@field rows integer
---@field file? string id of the file
---@field id? string of the batch at the server
---@field status? string as the server last said, in small letters
---@field completed? integer
---@field failed? integer
---@field output_file? string id of the file of answers
---@field error_file? string id of the file of errors
---@field problem? string what the server says is wrong with the file

---@class novita.PartLimits
---@field rows integer of a file
---@field bytes integer of a file
---@field size_of fun(claim: novita.BatchClaim): integer?, novita.Error? bytes of a call's line
---@field budget fun(): novita.BatchBudget?, novita.Error? what may still be spent
---@field stopped? "budget" once a call did not fit into it

local function part_of(row)
  return {
    n = row[1], name = row[2], model = row[3] ~= "" and row[3] or nil, state = row[4],
    rows = row[5], file = row[6], id = row[7], status = row[8], completed = row[9],
    failed = row[10], problem = row[11],
  }
end

local function list(store, sql, batch)
  local rows, err = store:query(sql, batch)
  if not rows then return nil, err end
  local found = {}
  for index, row in ipairs(rows) do found[index] = part_of(row) end
  return found
end

--- The parts whose results are not in the store yet.
---@param store novita.Store
---@param batch integer the number of the batch in its store
---@return novita.BatchPart[]? list nil on failure
---@return novita.Error? err
function parts.open(store, batch) return list(store, OPEN, batch) end

--- All parts.
---@param store novita.Store
---@param batch integer
---@return novita.BatchPart[]? list nil on failure
---@return novita.Error? err
function parts.all(store, batch) return list(store, ALL, batch) end

--- Writes what is known of a part.
---@param store novita.Store
---@param part novita.BatchPart
---@return table? done nil on failure
---@return novita.Error? err
function parts.save(store, part)
  return store:query(UPDATE, part.n, part.state, part.rows, part.file, part.id, part.status,
    part.completed, part.failed, part.problem)
end

-- Calls ------------------------------------------------------------------------------------------

-- A name that no other file has.
local function new_name(batch_name)
  local safe = batch_name:gsub("[^%w._-]", "_"):sub(1, 60)
  return ("%s.%012x.jsonl"):format(safe, math.floor(core.random() * 2 ^ 48))
end

-- Takes calls of the model in their order, as long as they fit into the file and the budget; those
-- that fit into no file stay. Returns how many.
local function take(store, batch, part, limits)
  local count, bytes, last = 0, 0, 0
  local budget, err = limits.budget()
  while budget do
    local rows, waiting, done
    rows, err = store:query(WAITING, batch, last, part.model or "", PAGE)
    if rows then waiting, err = claims.add(store, rows, {}) end
    if not waiting then break end
    for _, claim in ipairs(waiting) do
      local size, problem = limits.size_of(claim)
      if not size then return nil, problem end
      if size <= limits.bytes then
        if count == limits.rows or bytes + size > limits.bytes then return count end
        if budget:fit { claim } == 0 then
          limits.stopped = "budget"
          return count
        end
        done, err = store:query(TAKE, claim.n, part.n, OWNER)
        if not done then return nil, err end
        budget:reserve(claim)
        count, bytes = count + 1, bytes + size
      end
      last = claim.n
    end
    if #waiting < PAGE then return count end
  end
  return nil, err
end

--- Takes the next calls to a model as a new part, in one transaction.
---@param batch novita.Batch
---@param model? string
---@param limits novita.PartLimits
---@return novita.BatchPart|false|nil part false where no call fits; nil on failure
---@return novita.Error? err
function parts.claim(batch, model, limits)
  local store, number = batch.store, batch.number
  local name = new_name(batch.name)
  local none = {} -- rolls back
  local part, err = store:transaction(function()
    local done, rows, problem
    done, problem = store:query(INSERT, number, name, model or "")
    if done then rows, problem = store:query(FIND, number, name) end
    if not rows then return nil, problem end
    local made = { n = rows[1][1], name = name, model = model, state = "claimed" }
    made.rows, problem = take(store, number, made, limits)
    if made.rows == 0 then return nil, none end
    if made.rows then done, problem = parts.save(store, made) end
    if problem or not done then return nil, problem end
    return made
  end)
  if err == none then return false end
  return part, err
end

--- Returns a function that gives the calls of a part, as its file has them, one after the other.
---@param store novita.Store
---@param batch integer
---@param part novita.BatchPart
---@return fun(): novita.BatchClaim?, novita.Error? next nil at the end, nil and an error
function parts.calls(store, batch, part)
  local next_row = pages.rows(function(last)
    return store:query(CALLS, batch, part.n, last, PAGE)
  end)
  return function()
    local row, err = next_row()
    local added
    if row then added, err = claims.add(store, { row }, {}) end
    return added and added[1], err
  end
end

--- Finds the call of a part that a line of results is for.
---@param store novita.Store
---@param batch integer
---@param part novita.BatchPart
---@param id string
---@return novita.BatchClaim|false|nil claim false where there is none, or its result is known
---@return novita.Error? err
function parts.call(store, batch, part, id)
  local rows, err = store:query(CALL, batch, id, part.n)
  if not rows then return nil, err end
  if not rows[1] then return false end
  local row = rows[1]
  return {
    n = row[1], id = id, model = row[2], prompt = row[3], completion = row[4], owner = OWNER,
  }
end

--- Ends a part: calls without a result wait again.
---@param store novita.Store
---@param batch integer
---@param part novita.BatchPart with what it is to be
---@param in_doubt boolean may those calls have been paid for?
---@return string[]? ids of those calls; nil on failure
---@return novita.Error? err
function parts.finish(store, batch, part, in_doubt)
  return store:transaction(function()
    local left, done, err
    left, err = store:query(LEFT, batch, part.n)
    if left then done, err = store:query(in_doubt and DOUBT or RELEASE, batch, part.n) end
    part.state = "ended"
    if done then done, err = parts.save(store, part) end
    if not done then return nil, err end
    local ids = {}
    for index, row in ipairs(left) do ids[index] = row[1] end
    return ids
  end)
end

return parts
