--- `novita batch plan` and `novita batch run`.

local batch_open = require("novita.cli.batch_open")
local batch_report = require("novita.cli.batch_report")
local core = require("novita.core")
local description = require("novita.cli.description")
local progress = require("novita.cli.progress")

local batch_run = {}

local PLAN = { "rows", "unique", "problems", "paid", "failed", "in_doubt", "to_send",
  "prompt_tokens", "completion_tokens", "usd" }

--- Runs `novita batch plan`.
---@param arguments table
---@return integer? status
---@return novita.Error? err
function batch_run.plan(arguments)
  local described, err = batch_open.described(arguments)
  if not described then return batch_report.failure(err) end
  local batch, plan
  batch, err = batch_open.batch(described, { public = true })
  if not batch then return batch_report.failure(err) end
  plan, err = batch_report.attempt(described.batch, function() return batch:plan() end)
  batch.store:close()
  if not plan then return batch_report.failure(err) end
  if arguments.json then
    batch_report.write_json(plan)
  else
    batch_report.write_fields(plan, PLAN)
  end
  batch_report.note_problems(plan.problem_list)
  return 0
end

-- Returns the function that shows the progress of a run, and the line that it draws.
local function watcher(signals)
  local bar, told = progress.new(), 0
  return function(status)
    if signals:count() > told then
      told = signals:count()
      bar:note(told > 1 and "stopping"
        or "finishing the calls that are sent; Ctrl-C again stops them")
    end
    bar:update(status)
  end, bar
end

-- Opens the batch to run: on a server, where only its address is given, one more process of it.
-- Returns also the path of its description or rows.
local function open(arguments, is_shared, options)
  if is_shared then return batch_open.shared(arguments, options) end
  local described, err = batch_open.described(arguments)
  if not described then return nil, err end
  local batch
  batch, err = batch_open.batch(described, options)
  return batch, err, described.batch
end

local function make_calls(arguments, is_shared, signals)
  local on_progress, bar = watcher(signals)
  local batch, err, path = open(arguments, is_shared, { on_progress = on_progress })
  if not batch then return nil, err end
  local summary
  summary, err = batch_report.attempt(path, function() return batch:run() end)
  bar:finish()
  batch.store:close()
  return summary, err
end

-- The batch counts signals by itself; those counted here are for what is said of them.
local function run(arguments, is_shared)
  local signals = core.interrupts()
  local summary, err = make_calls(arguments, is_shared, signals)
  signals:close()
  if not summary then return batch_report.failure(err) end
  if arguments.json then batch_report.write_json(summary) end
  return batch_report.conclude(summary, signals:count())
end

--- Runs `novita batch run`.
---@param arguments table
---@return integer? status
---@return novita.Error? err
function batch_run.run(arguments)
  return run(arguments, description.is_server(arguments.batch))
end

--- Runs `novita batch resume`.
---@param arguments table
---@return integer? status
---@return novita.Error? err
function batch_run.resume(arguments)
  return run(arguments, false)
end

return batch_run
