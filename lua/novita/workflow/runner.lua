--- Runs of a flow in a store: how they are made, begun under their lock, and ended.

local body = require("novita.workflow.body")
local compat = require("novita.compat")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local frozen = require("novita.workflow.frozen")
local journal = require("novita.workflow.journal")
local loops = require("novita.loop")
local pass = require("novita.workflow.pass")
local records = require("novita.workflow.records")
local step = require("novita.workflow.step")
local tables = require("novita.tables")

local runner = {}

--- Adds a run.
---@param flow table
---@param trigger any
---@param parent? string the run that it is a fork of
---@param id? string default: a new one
---@return { id: string }? run
---@return novita.Error? err
function runner.create(flow, trigger, parent, id)
  local json, err = frozen.write(trigger == nil and {} or trigger)
  if not json then return nil, error_hint.config_error("trigger", err.message) end
  local run = {
    id = id or records.new_id(), flow = flow.name, status = "queued", trigger = json,
    parent = parent,
  }
  local ok
  ok, err = journal.create(flow.store, run)
  return ok and run, err
end

local RECALL = "select state, result, error, started_at, {now} from step "
  .. "where run = $1 and name = $2 and key = $3 and number = $4"

-- Returns what the store has of a step, if that counts.
local function recall(this)
  local run = this.run
  local store = run.store
  local rows, err = journal.guarded(store.query, store, RECALL, run.id, this.name, this.key,
    this.number)
  local row = rows and rows[1]
  if not row then return nil, err end
  local found
  if row[1] == "done" and row[2] then found = { result = row[2] } end
  if row[1] == "returned" and this.on_error == "return" then found = { error = row[3] } end
  if found then journal.reuse(this) else this.slept = row[5] - row[4] end
  return found
end

local function watch_interrupts(loop, options)
  if not loops.is_script(loop) or options.interrupts == false then return nil end
  return core.interrupts()
end

-- The prices of models, which are asked for once a flow.
local function prices_of(flow)
  local given = flow.options.prices
  if given ~= true then return given end
  flow.prices = flow.prices or require("novita.batch.prices").list(flow.settings)
  return flow.prices
end

-- Writes how the pass has ended.
local function conclude(run)
  if run.broken then return nil, run.broken end
  local failure = run.failure
  if not failure and not run.result then
    failure = { step = pass.STOPPED, error = run.stopping }
  end
  if not failure then
    return journal.guarded(journal.end_run, run, "done", { result = run.result })
  end
  return journal.guarded(journal.end_run, run, "paused", {
    failed_step = failure.step, error = frozen.write_error(failure.error),
  })
end

local function refused(record, problem)
  return nil, error_hint.config_error("id", record.id .. " " .. problem)
end

--- Returns the record of a run of this flow.
---@param flow table
---@param id string or the first letters of it
---@return novita.RunRecord? record
---@return novita.Error? err
function runner.record(flow, id)
  local record, err = records.find(flow.store, id)
  if not record then return nil, err end
  if record.flow ~= flow.name then
    return refused(record, ('is a run of the workflow "%s"'):format(record.flow))
  elseif record.trigger == nil and record.error and record.error.reason == "corrupt" then
    return nil, record.error
  elseif record.trigger == nil then
    return refused(record, "has no trigger any more: its store keeps no prompts")
  end
  return record
end

--- Returns the record of a run that can go on.
---@param flow table
---@param id string or the first letters of it
---@return novita.RunRecord? record
---@return novita.Error? err
function runner.find(flow, id)
  local record, err = records.find(flow.store, id)
  if record and record.flow == flow.name and record.status == "done" then
    return refused(record, "is done; fork it to run a part again")
  elseif not record then
    return nil, err
  end
  return runner.record(flow, record.id)
end

-- Has a run this status? Another process may have executed or removed it meanwhile.
local function has_status(store, id, status)
  local record, err = records.find(store, id)
  if record then return record.status == status end
  return false, err.param ~= "id" and err or nil
end

-- Begins a pass under its lock. With `status`, only of a run that has it.
local function begin(flow, id, status)
  if status then
    local has_it, problem = has_status(flow.store, id, status)
    if not has_it then return nil, problem end
  end
  local record, err = runner.find(flow, id)
  if not record then return nil, err end
  local ok
  ok, err = journal.begin_pass(flow.store, id)
  if not ok then return nil, err end
  return records.find(flow.store, id)
end

-- Pauses a run that a worker has taken and that can't be read: it would be in the way of others.
local function refuse_damaged(flow, id, status, err)
  if not (status and err and err.reason == "corrupt" and not err.code) then return nil, err end
  return journal.end_run({ id = id, store = flow.store, reused = {} }, "paused", {
    failed_step = pass.CODE, error = frozen.write_error(err),
  })
end

-- Adds the run to an error of the store: it is there, and goes on by its id.
local function with_run(id, done, err)
  if not done and type(err) == "table" and err.kind == "store" then err.run = id end
  return done, err
end

-- Runs the flow once more, under its lock.
local function make_pass(flow, id, options, status)
  local store, loop = flow.store, flow.settings.policy.loop or loops.here()
  local record, err = begin(flow, id, status)
  if not record then return with_run(id, refuse_damaged(flow, id, status, err)) end
  local run = pass.new {
    id = record.id, started_at = record.started_at, pass = record.passes, store = store,
    loop = loop, settings = flow.settings, new_client = flow.new_client, recall = recall,
    forsake = step.forsake,
    on_step = options.on_step or flow.options.on_step, prices = prices_of(flow),
  }
  run.watch = watch_interrupts(loop, tables.merged(flow.options, options))
  local ok, raised = compat.pcall(pass.execute, run, flow.fn, body.new(run), record.trigger)
  if run.watch then run.watch:close() end
  if not ok then error(raised, 0) end
  local done, problem = conclude(run)
  if run.raised then error(run.raised[1], 0) end
  return with_run(id, done, problem)
end

-- Calls a function under the lock of a run; returns the run's record when it has returned.
local function under_lock(flow, id, fn)
  local lock, err = flow.store:lock(records.lock_name(id))
  if not lock then return nil, err end
  local ok, done, problem = compat.pcall(fn)
  lock:release()
  if not ok then error(done, 0) end
  if not done then return nil, problem end
  return records.run(flow.store, id)
end

--- Makes a pass, unless another process makes one of this run.
---@param flow table
---@param id string
---@param options novita.PassOptions
---@param status? string makes a pass only if the run has this status
---@return novita.RunRecord? record as it is when the pass has ended; nil if none was made
---@return novita.Error? err
function runner.make_pass(flow, id, options, status)
  return under_lock(flow, id, function() return make_pass(flow, id, options, status) end)
end

--- Adds a run and makes its first pass. The lock comes first, so that no worker takes the run.
---@param flow table
---@param trigger any
---@param options novita.PassOptions
---@return novita.RunRecord? record
---@return novita.Error? err
function runner.start(flow, trigger, options)
  local id = records.new_id()
  return under_lock(flow, id, function()
    local run, err = runner.create(flow, trigger, nil, id)
    if not run then return nil, err end
    return make_pass(flow, id, options)
  end)
end

-- Adds a run together with the steps that it has of another one: without them it would pay for
-- those again when a worker takes it.
local function add_fork(flow, source, name, id)
  return flow.store:transaction(function()
    local run, err = runner.create(flow, source.trigger, source.id, id)
    if not run then return nil, err end
    return journal.fork(flow.store, source.id, id, name or "")
  end)
end

--- Does the same with the trigger of another run, and the results of its steps before one.
---@param flow table
---@param from string the id of the other run, or the first letters of it
---@param name? string of the first step that is made again; default: none is
---@param options novita.PassOptions
---@return novita.RunRecord? record
---@return novita.Error? err
function runner.fork(flow, from, name, options)
  local source, err = runner.record(flow, from)
  if not source then return nil, err end
  if name then
    local has
    has, err = records.has_step(flow.store, source.id, name)
    if err then return nil, err end
    if not has then
      return nil, error_hint.config_error("step", source.id .. " has no step " .. name)
    end
  end
  local id = records.new_id()
  return under_lock(flow, id, function()
    local ok, problem = add_fork(flow, source, name, id)
    if not ok then return nil, problem end
    return make_pass(flow, id, options)
  end)
end

return runner
