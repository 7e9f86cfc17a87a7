--- The common part of `novita run` and `novita runs`: the progress of a run, and its end.

local console = require("novita.cli.console")
local files = require("novita.cli.files")
local flow_file = require("novita.cli.flow_file")
local rule = require("novita.rule")
local tables = require("novita.tables")
local timeline = require("novita.cli.timeline")

local running = {}

local UNFINISHED, INTERRUPTED = 3, 130

--- Calls a function with a store, which is closed then.
---@param address? string
---@param file? novita.cli.FlowFile
---@param fn fun(store: novita.Store): integer?, any
---@return integer? status
---@return any err
function running.with_store(address, file, fn)
  local store, err = flow_file.store(address, file)
  if not store then return nil, err end
  local status
  status, err = fn(store)
  store:close()
  return status, err
end

--- Calls a method of a workflow. What a function of its file raises is no error of ours.
---@param file novita.cli.FlowFile
---@param fn fun(): any, any
---@return any result nil on failure
---@return novita.Error|string|nil err
function running.attempt(file, fn)
  local ok, result, err = files.call(fn)
  if ok then return result, err end
  return nil, ("%s: a function raised: %s (the results that have come are saved)"):format(
    file.path, result)
end

--- The options of a workflow at the command line: a terminal shows each step as it goes, and the
--- file's own on_step is called then, too.
---@param file novita.cli.FlowFile
---@return novita.PassOptions
function running.options(file)
  local own = file.options.on_step
  local is_wrong = own ~= nil and not rule.callable.accepts(own) -- the workflow refuses it
  if is_wrong or not console.is_terminal(io.stderr) then return {} end
  return {
    on_step = function(event)
      if event.state ~= "sent" and event.state ~= "reused" then
        console.note(timeline.event(event))
      end
      if own then own(event) end
    end,
  }
end

--- Writes a record as a line of JSON.
---@param record novita.RunRecord
function running.write_json(record)
  local err = record.error and { kind = record.error.kind, message = record.error.message }
  console.write_json(tables.merged(record, { error = err }))
end

-- The status of a run that has ended or paused, and what is said of it.
local function status_of(record)
  if record.status == "done" or record.status == "queued" then return 0 end
  console.complain(("run %s is paused at %s: %s"):format(record.id, tostring(record.failed_step),
    tostring(record.error)))
  console.note("novita runs retry " .. record.id .. " goes on from there")
  return record.error and record.error.kind == "cancelled" and INTERRUPTED or UNFINISHED
end

--- Prints what a run has come to; returns the exit status.
---@param arguments table
---@param record? novita.RunRecord
---@param err? novita.Error
---@return integer? status
---@return novita.Error? err
function running.conclude(arguments, record, err)
  if not record then return nil, err end
  if arguments.json then
    running.write_json(record)
  elseif record.status == "done" and type(record.result) == "string" then
    console.write(record.result .. "\n")
  elseif record.status == "done" and record.result ~= nil then
    console.write_json(record.result)
  elseif record.status == "queued" then
    console.write(record.id .. "\n")
  end
  return status_of(record)
end

return running
