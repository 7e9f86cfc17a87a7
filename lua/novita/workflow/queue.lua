--- The queue of runs: a queued run waits in the store until a process that has its flow runs it.
--- Pages and webhooks queue, which is one write; workers run, any number of them.

local error_hint = require("novita.error_hint")
local misuse = require("novita.misuse")
local records = require("novita.workflow.records")
local runner = require("novita.workflow.runner")

local queue = {}

--- Queues a new run.
---@param store novita.Store
---@param flow string the name of the workflow
---@param trigger? any what the flow is given; JSON must have it
---@return novita.RunRecord? record
---@return novita.Error? err
function queue.add(store, flow, trigger)
  if type(flow) ~= "string" or flow == "" then
    misuse.expected("store:queue_run", "the name of a workflow", flow)
  end
  local run, err = runner.create({ store = store, name = flow }, trigger)
  if not run then return nil, err end
  return records.run(store, run.id)
end

local REQUEUE = "update run set status = 'queued' where id = $1 and status in ('paused', 'running')"

--- Queues a run that is paused or has crashed. One that is queued or runs stays as it is, so that a
--- second click does no harm.
---@param store novita.Store
---@param id string or the first letters of it
---@return novita.RunRecord? record
---@return novita.Error? err kind config for a run that is done, and for an unknown id
function queue.retry(store, id)
  local record, err = records.find(store, id)
  if not record then return nil, err end
  if record.status == "done" then
    return nil, error_hint.config_error("id", record.id .. " is done; fork it to run a part again")
  end
  if record.status == "paused" or record.status == "crashed" then
    local rows
    rows, err = store:query(REQUEUE, record.id)
    if not rows then return nil, err end
  end
  return records.run(store, record.id)
end

local OLDEST = "select id from run where flow = $1 and status = 'queued' "
  .. "order by n limit 100"

--- Runs the oldest queued run of a flow. Several workers never run the same one.
---@param flow table
---@param options novita.PassOptions
---@return novita.RunRecord? record when it is done or paused; nil if none is queued
---@return novita.Error? err
function queue.work(flow, options)
  local rows, err = flow.store:query(OLDEST, flow.name)
  if not rows then return nil, err end
  for _, row in ipairs(rows) do
    local record, problem = runner.make_pass(flow, row[1], options, "queued")
    if record then return record end
    if problem and problem.reason ~= "locked" then return nil, problem end
  end
  return nil
end

return queue
