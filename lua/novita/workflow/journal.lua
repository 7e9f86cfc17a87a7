--- Writes a run to its store: each step before it is begun and after it has ended, each
--- attempt, and the end of the run.
---
--- All functions return true, or nil and the store's error.

local compat = require("novita.compat")
local core = require("novita.core")

local journal = {}

-- The n of a step, by the first four parameters.
local STEP = "(select n from step where run = $1 and name = $2 and key = $3 and number = $4)"

local CREATE = "insert into run (id, flow, status, passes, trigger, parent, created_at) "
  .. "values ($1, $2, $3, 0, $4, $5, {now})"

local BEGIN_PASS = {
  "update run set status = 'running', passes = passes + 1, failed_step = null, error = null, "
    .. "ended_at = null, started_at = coalesce(started_at, {now}) where id = $1",
  "update step set doubts = doubts + 1 where run = $1 and state = 'sent'",
  "update attempt set state = 'lost' where run = $1 and state = 'sent'",
}

local BEGIN_STEP = "insert into step (run, name, key, number, kind, item, input, state, sends, "
  .. "doubts, started_at) values ($1, $2, $3, $4, $5, $6, $7, 'sent', 1, 0, {now}) "
  .. "on conflict (run, name, key, number) do update set state = 'sent', sends = step.sends + 1, "
  .. "error = null, ended_at = null, started_at = case step.kind when 'sleep' "
  .. "then step.started_at else excluded.started_at end"

local END_STEP = "update step set state = $5, result = $6, error = $7, ended_at = {now} "
  .. "where run = $1 and name = $2 and key = $3 and number = $4"

local BEGIN_ATTEMPT = "insert into attempt (run, step, pass, number, state, started_at) values "
  .. "($1, " .. STEP .. ", $5, $6, $7, {now})"

local END_ATTEMPT = "update attempt set state = $7, seconds = $8, status = $9, request_id = $10, "
  .. "prompt_tokens = $11, completion_tokens = $12, usd = $13, kind = $14, message = $15 "
  .. "where run = $1 and step = " .. STEP .. " and pass = $5 and number = $6"

local END_RUN = "update run set status = $2, failed_step = $3, error = $4, result = $5, "
  .. "ended_at = {now} where id = $1"

-- Removes what a store without prompts keeps only as long as the run may be retried.
local FORGET = {
  "update step set result = null where run = $1", "update run set trigger = null where id = $1",
}

local FORK = "insert into step (run, name, key, number, kind, item, input, state, sends, doubts, "
  .. "started_at, ended_at, result, error) select $2, name, key, number, kind, item, input, state, "
  .. "0, 0, started_at, ended_at, result, error from step where run = $1 and state in "
  .. "('done', 'returned') and ($3 = '' or n < "
  .. "coalesce((select min(n) from step where run = $1 and name = $3), 0)) order by n"

-- Runs statements with the same parameter, one after the other; nil and an error at the first that
-- fails.
local function query_all(store, statements, id)
  for _, sql in ipairs(statements) do
    local rows, err = store:query(sql, id)
    if not rows then return nil, err end
  end
  return true
end

local function done(rows, err)
  if not rows then return nil, err end
  return true
end

--- Calls a function that reads or writes the store of a run in progress; it raises where the flow
--- has closed that.
---@param fn function
---@param ... any
---@return any result nil on failure
---@return novita.Error? err
function journal.guarded(fn, ...)
  local called, result, err = compat.pcall(fn, ...)
  if called then return result, err end
  if type(result) == "table" then return nil, result end
  return nil, core.error { kind = "store", message = tostring(result) }
end

--- Adds a run.
---@param store novita.Store
---@param run { id: string, flow: string, status: string, trigger: string, parent: string? }
---@return true?, novita.Error? err
function journal.create(store, run)
  return done(store:query(CREATE, run.id, run.flow, run.status, run.trigger, run.parent))
end

--- Copies the steps that ended before the first of this name from one run to another; all of them
--- for the name "". Returns how many.
---@param store novita.Store
---@param from string
---@param to string
---@param name string
---@return integer?, novita.Error? err
function journal.fork(store, from, to, name)
  local rows, err = store:query(FORK, from, to, name)
  return rows and rows.changed, err
end

--- Marks a run as running, and what was in flight when its last process ended as lost.
---@param store novita.Store
---@param id string
---@return true?, novita.Error? err
function journal.begin_pass(store, id)
  return store:transaction(function() return query_all(store, BEGIN_PASS, id) end)
end

local function identity_of(step)
  return step.run.id, step.name, step.key, step.number
end

local function write_reused(store, list)
  for _, step in ipairs(list) do
    local run_id, name, key, number = identity_of(step)
    local rows, err = store:query(BEGIN_ATTEMPT, run_id, name, key, number, step.run.pass, 0,
      "reused")
    if not rows then return nil, err end
  end
  return true
end

-- A transaction in which the steps that were reused since the last one are written too.
local function write(run, fn)
  local store, reused = run.store, run.reused
  run.reused = {}
  local ok, err = store:transaction(function()
    local written, problem = write_reused(store, reused)
    if not written then return nil, problem end
    return fn(store)
  end)
  if ok then return true end
  for _, step in ipairs(run.reused) do table.insert(reused, step) end
  run.reused = reused
  return nil, err
end

--- Notes that the result of a step was there already; written with the next of the run's writes.
---@param step novita.workflow.Step
function journal.reuse(step)
  table.insert(step.run.reused, step)
end

local function begin_attempt(store, step, number)
  local run_id, name, key, place = identity_of(step)
  return done(store:query(BEGIN_ATTEMPT, run_id, name, key, place, step.run.pass, number, "sent"))
end

-- Ends the attempt that is in flight.
local function end_attempt(store, step, state, outcome)
  local run_id, name, key, place = identity_of(step)
  return done(store:query(END_ATTEMPT, run_id, name, key, place, step.run.pass, step.attempt,
    state, outcome.seconds, outcome.status, outcome.request_id, outcome.prompt_tokens,
    outcome.completion_tokens, outcome.usd, outcome.kind, outcome.message))
end

--- Writes that a step begins, and its first attempt.
---@param step novita.workflow.Step
---@return true?, novita.Error? err
function journal.begin_step(step)
  local run = step.run
  local input = run.store.prompts ~= false and step.input or nil
  return write(run, function(store)
    local run_id, name, key, number = identity_of(step)
    local rows, err = store:query(BEGIN_STEP, run_id, name, key, number, step.kind, step.item,
      input)
    if not rows then return nil, err end
    return begin_attempt(store, step, 1)
  end)
end

--- Writes what the attempt in flight has failed with, and that the next one begins.
---@param step novita.workflow.Step
---@param outcome novita.workflow.Outcome
---@return true?, novita.Error? err
function journal.next_attempt(step, outcome)
  return write(step.run, function(store)
    local ok, err = end_attempt(store, step, "failed", outcome)
    if not ok then return nil, err end
    return begin_attempt(store, step, step.attempt + 1)
  end)
end

--- Writes how a step has ended.
---@param step novita.workflow.Step
---@param state "done"|"failed"|"returned"
---@param outcome novita.workflow.Outcome
---@param result? string JSON
---@param failure? string the error as JSON
---@return true?, novita.Error? err
function journal.end_step(step, state, outcome, result, failure)
  return write(step.run, function(store)
    local run_id, name, key, number = identity_of(step)
    local rows, err = store:query(END_STEP, run_id, name, key, number, state, result, failure)
    if not rows then return nil, err end
    return end_attempt(store, step, state == "done" and "done" or "failed", outcome)
  end)
end

--- Writes how a pass of a run has ended.
---@param run table
---@param status "paused"|"done"
---@param ending { failed_step: string?, error: string?, result: string? }
---@return true?, novita.Error? err
function journal.end_run(run, status, ending)
  return write(run, function(store)
    local rows, err = store:query(END_RUN, run.id, status, ending.failed_step, ending.error,
      ending.result)
    if not rows then return nil, err end
    if status ~= "done" or store.prompts ~= false then return true end
    return query_all(store, FORGET, run.id)
  end)
end

return journal
