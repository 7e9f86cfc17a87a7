--- Replays a run with sending forbidden: every step must be one that the store has. Where one is
--- not, the code between the steps is not pure (the time, a random number, the order of a table),
--- or the flow has been changed since.

local body = require("novita.workflow.body")
local frozen = require("novita.workflow.frozen")
local loops = require("novita.loop")
local pass = require("novita.workflow.pass")
local runner = require("novita.workflow.runner")
local stored = require("novita.store.stored")

local verify = {}

---@class novita.Verification
---@field ok boolean
---@field reused integer steps whose results were there
---@field problems { step: string, item: integer?, message: string, recorded: any, now: any }[] what
---  is not ok; recorded and now: the inputs, where they are known

local FIND = "select state, result, error from step "
  .. "where run = $1 and name = $2 and key = $3 and number = $4"

-- A step of that name whose input is another.
local SIMILAR = "select input from step where run = $1 and name = $2 and state in "
  .. "('done', 'returned') and (item is null or item = $3) order by n limit 1"

-- Returns why a step would be made; `row` is what the store has of it.
local function problem_of(this, row)
  if row and row[1] == "returned" then
    return {
      step = this.name, item = this.item,
      message = "the run has an error of this step, which the flow does not handle any more",
    }
  end
  local rows, err = this.run.store:query(SIMILAR, this.run.id, this.name, this.item or 0)
  if not rows then return nil, err end
  local known, message = rows[1], "the run has no step of this name"
  if known then message = "the run has this step with another input" end
  return {
    step = this.name, item = this.item, message = message,
    recorded = known and known[1] and stored.read(known[1], "the input") or nil,
    now = frozen.read(this.input),
  }
end

-- Was the run paused at this step, so that the replay ends here too?
local function is_open(record, row)
  return record.status ~= "done" and (row[1] == "failed" or row[1] == "sent")
end

-- Returns the stored result of a step; a step without one ends the replay.
local function recall(this)
  local run = this.run
  local rows, err = run.store:query(FIND, run.id, this.name, this.key, this.number)
  if not rows then return nil, err end
  local row = rows[1]
  if row and (row[2] or row[1] == "returned" and this.on_error == "return") then
    run.found = run.found + 1
    return row[2] and { result = row[2] } or { error = row[3] }
  end
  if not (row and is_open(run.record, row)) then
    local problem
    problem, err = problem_of(this, row)
    if err then return nil, err end
    table.insert(run.problems, problem)
  end
  if this.on_error == "collect" then return { error = frozen.write_error("not made") } end
  pass.fail(run, this.name, "not made")
  pass.park(run)
end

local function check_result(run, record)
  if record.status ~= "done" or not run.result then return end
  local recorded = frozen.write(record.result)
  if run.result == recorded then return end
  table.insert(run.problems, {
    step = pass.CODE, message = "the flow returns another result", recorded = record.result,
    now = frozen.read(run.result),
  })
end

local function conclude(run, record)
  if run.broken then return nil, run.broken end
  local failure = run.failure
  if failure and failure.step == pass.CODE and record.failed_step ~= pass.CODE then
    table.insert(run.problems, { step = pass.CODE, message = tostring(failure.error) })
  end
  check_result(run, record)
  return { ok = run.problems[1] == nil, reused = run.found, problems = run.problems }
end

--- Replays a run.
---@param flow table
---@param id string
---@return novita.Verification? verification nil where there is nothing to replay
---@return novita.Error? err
function verify.run(flow, id)
  local record, err = runner.record(flow, id)
  if not record then return nil, err end
  local run = pass.new {
    id = record.id, started_at = record.started_at, store = flow.store, record = record,
    loop = flow.settings.policy.loop or loops.here(), settings = flow.settings,
    new_client = flow.new_client, recall = recall, problems = {}, found = 0,
  }
  pass.execute(run, flow.fn, body.new(run), record.trigger)
  return conclude(run, record)
end

return verify
