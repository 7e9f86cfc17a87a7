--- Counts the rows of a batch in a store by their state, sums up their usage, and lists which
--- of them may have been paid for twice.

local stored = require("novita.store.stored")

local counts = {}

local ITEMS = "select count(*), count(problem) from item where batch = $1"
local UNIQUE = "select count(distinct key) from item where batch = $1"
local PROBLEMS = [[select problem from item where batch = $1 and problem is not null
  order by seq limit $2]]
local CALLS = [[from item i join call c on c.batch = i.batch and c.id = i.id and c.key = i.key
  where i.batch = $1 ]]
local STATE = "case when c.state = 'sent' and c.remote is not null then 'remote' else c.state end"
local STATES = "select " .. STATE .. [[, c.model, count(*), cast(sum(c.prompt_estimate) as bigint),
  cast(sum(c.completion_estimate) as bigint) ]] .. CALLS .. "group by 1, 2"
local USED = [[select cast(coalesce(sum(prompt_tokens), 0) as bigint),
  cast(coalesce(sum(completion_tokens), 0) as bigint), coalesce(sum(usd), 0.0),
  count(case when usd is null and prompt_tokens is not null then 1 end)
  from call where batch = $1]]

-- The few calls that a condition selects, by an index of theirs, and then their rows: the planner
-- of SQLite keeps the order of a cross join.
local SOME = [[from call c cross join item i
  where c.batch = $1 and i.batch = c.batch and i.id = c.id and i.key = c.key ]]
local TWICE = "select c.id " .. SOME .. "and c.doubts > 0 and c.sends > 1 order by i.seq"
local EXTRA = "select c.id " .. SOME .. "and c.extra > 0 order by i.seq"
local IN_DOUBT = "select c.id " .. SOME .. [[and c.state = 'sent' and c.state <> 'done'
  and c.remote is null order by i.seq]]
local FAILURES = "select i.line, c.status, c.error " .. SOME .. [[and c.state = 'failed'
  and c.state <> 'done' and c.error is not null order by i.seq limit $2]]

local MOST_PROBLEMS = 10 -- that are listed

---@class novita.BatchGroup
---@field state string
---@field model? string
---@field count integer
---@field prompt integer tokens, estimated
---@field completion integer

---@class novita.BatchCounts
---@field rows integer of the input
---@field problems integer rows that can't be sent
---@field done integer
---@field failed integer calls, without the rows that can't be sent
---@field waiting integer
---@field sent integer in flight, or in doubt
---@field remote integer at the server's Batch API
---@field groups novita.BatchGroup[] calls by state and model

--- Counts the rows of a batch.
---@param store novita.Store
---@param batch integer the number of the batch in its store
---@return novita.BatchCounts? nil on failure
---@return novita.Error? err
function counts.of(store, batch)
  local items, err = store:query(ITEMS, batch)
  if not items then return nil, err end
  local states
  states, err = store:query(STATES, batch)
  if not states then return nil, err end
  local row = items[1]
  local result = {
    rows = row[1], problems = row[2], groups = {},
    done = 0, failed = 0, waiting = 0, sent = 0, remote = 0,
  }
  for index, group in ipairs(states) do
    result.groups[index] = {
      state = group[1], model = group[2], count = group[3], prompt = group[4],
      completion = group[5],
    }
    result[group[1]] = result[group[1]] + group[3]
  end
  return result
end

--- Counts the different requests of a batch, which takes a sort of their keys.
---@param store novita.Store
---@param batch integer
---@return integer? count nil on failure
---@return novita.Error? err
function counts.unique(store, batch)
  local rows, err = store:query(UNIQUE, batch)
  return rows and rows[1][1], err
end

--- Returns the usage of all calls of a batch, also for former requests.
---@param store novita.Store
---@param batch integer
---@return { prompt_tokens: integer, completion_tokens: integer, tokens: integer, usd: number,
---  unpriced: integer }? unpriced: calls whose cost is not known
---@return novita.Error? err
function counts.used(store, batch)
  local rows, err = store:query(USED, batch)
  if not rows then return nil, err end
  local row = rows[1]
  return {
    prompt_tokens = row[1], completion_tokens = row[2], tokens = row[1] + row[2],
    usd = row[3], unpriced = row[4],
  }
end

local function column(store, sql, ...)
  local rows, err = store:query(sql, ...)
  if not rows then return nil, err end
  local list = {}
  for index, row in ipairs(rows) do list[index] = row[1] end
  return list
end

--- The ids of the rows that were sent again after a call whose answer was lost.
---@param store novita.Store
---@param batch integer
---@return string[]?, novita.Error?
function counts.paid_twice(store, batch) return column(store, TWICE, batch) end

--- The ids of the rows that another process had an answer of already: the later one is dropped.
--- One process at a time has the batches of a file, so none of these has such rows.
---@param store novita.Store
---@param batch integer
---@return string[]?, novita.Error?
function counts.extra(store, batch)
  if store.kind == "sqlite" then return {} end
  return column(store, EXTRA, batch)
end

--- The ids of the rows whose calls are in flight, or were interrupted and not sent again.
---@param store novita.Store
---@param batch integer
---@return string[]?, novita.Error?
function counts.in_doubt(store, batch) return column(store, IN_DOUBT, batch) end

--- Returns the problems of the first rows that can't be sent.
---@param store novita.Store
---@param batch integer
---@return string[]?, novita.Error?
function counts.problems(store, batch) return column(store, PROBLEMS, batch, MOST_PROBLEMS) end

--- Returns why the first of the failed calls have failed.
---@param store novita.Store
---@param batch integer
---@return string[]?, novita.Error?
function counts.failures(store, batch)
  local rows, err = store:query(FAILURES, batch, MOST_PROBLEMS)
  if not rows then return nil, err end
  local list = {}
  for index, row in ipairs(rows) do
    local failure = stored.error(row[3], "its error in the store")
    list[index] = ("line %d: %s%s: %s"):format(row[1], failure.kind,
      row[2] and (" %d"):format(row[2]) or "", failure.message)
  end
  return list
end

return counts
