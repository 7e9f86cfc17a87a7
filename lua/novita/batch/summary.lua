--- Summaries of runs, and the state of batches.

local counts = require("novita.batch.counts")

local summary = {}

---@class novita.BatchUsage
---@field prompt_tokens integer
---@field completion_tokens integer
---@field total_tokens integer

---@class novita.BatchStatus
---@field name string of the batch
---@field total integer rows of the input
---@field done integer answered
---@field failed integer calls that have failed, and rows that can't be sent
---@field waiting integer rows that were not sent yet, or have to be sent again
---@field remote integer rows at the server's Batch API
---@field in_doubt string[] ids of the rows whose calls are in flight, or were interrupted
---@field paid_twice string[] ids of the rows that may have been paid for twice
---@field extra string[] ids of the rows with a second answer, which was dropped
---@field problems string[] what is wrong with the first rows that can't be sent
---@field failures string[] why the first of the calls that have failed did so
---@field usage novita.BatchUsage of all calls of the batch
---@field usd? number of them all; nil where a price is not known
---@field parts? novita.BatchPart[] those at the server's Batch API; of batch:status() only
---@field running? integer|string who runs it: the id of a process, or the name of a connection

---@class novita.BatchSummary: novita.BatchStatus
---@field complete boolean true if no row is left: all are done, or failed
---@field sent integer calls that this run has made
---@field reused integer rows whose answer was there before
---@field run_usage novita.BatchUsage
---@field run_usd? number
---@field seconds number
---@field stopped? string why rows are left: interrupted, budget, failures, or one of abort_on
---@field err? novita.Error that stopped it
---@field lines? integer lines of the output

-- Calls one function after the other; the first error ends it.
local function gather(into, store, batch, names)
  for _, name in ipairs(names) do
    local value, err = counts[name](store, batch)
    if not value then return nil, err end
    into[name] = value
  end
  return into
end

--- Returns the state of a batch.
---@param store novita.Store
---@param batch integer the number of the batch in its store
---@param name string
---@return novita.BatchStatus? status nil on failure
---@return novita.Error? err
function summary.status(store, batch, name)
  local status, err = gather({ name = name }, store, batch,
    { "of", "used", "paid_twice", "extra", "in_doubt", "problems", "failures" })
  if not status then return nil, err end
  local counted, used = status.of, status.used
  status.of, status.used = nil, nil
  status.total, status.done = counted.rows, counted.done
  status.failed = counted.failed + counted.problems
  status.waiting, status.remote = counted.waiting, counted.remote
  status.usage = {
    prompt_tokens = used.prompt_tokens, completion_tokens = used.completion_tokens,
    total_tokens = used.tokens,
  }
  status.usd = used.unpriced == 0 and used.usd or nil
  return status
end

-- Returns why rows are left, or nil if none are.
local function reason_of(run)
  return run.stopped ~= "done" and run.stopped or nil
end

--- Returns the summary of a run.
---@param batch novita.Batch
---@param run novita.BatchRun
---@param before novita.BatchCounts
---@param lines? integer of the output
---@return novita.BatchSummary? summary nil on failure
---@return novita.Error? err
function summary.of_run(batch, run, before, lines)
  local result, err = summary.status(batch.store, batch.number, batch.name)
  if not result then return nil, err end
  local progress = run.progress.status
  result.complete = result.done + result.failed == result.total
  result.reused, result.sent = before.done, run.progress.ended
  result.run_usage, result.run_usd = run.progress.usage, progress.usd
  result.seconds, result.lines = progress.seconds, lines
  result.stopped, result.err = reason_of(run), run.err
  return result
end

return summary
