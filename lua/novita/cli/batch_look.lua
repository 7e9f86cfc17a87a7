--- `novita batch status` and `novita batch export`: what the store of a batch has.

local batch_open = require("novita.cli.batch_open")
local batch_report = require("novita.cli.batch_report")
local console = require("novita.cli.console")

local batch_look = {}

local STATUS = { "name", "total", "done", "failed", "waiting", "remote", "in_doubt", "paid_twice",
  "extra", "prompt_tokens", "completion_tokens", "usd", "running" }

-- Calls fn with the batch of a store.
local function look(arguments, fn)
  local batch, err = batch_open.stored(arguments, { public = true })
  if not batch then return nil, err end
  local result
  result, err = fn(batch)
  batch.store:close()
  return result, err
end

--- Runs `novita batch status`.
---@param arguments table
---@return integer? status
---@return novita.Error? err
function batch_look.status(arguments)
  local status, err = look(arguments, function(batch) return batch:status() end)
  if not status then return nil, err end
  if arguments.json then
    batch_report.write_json(status)
    return 0
  end
  status.prompt_tokens = status.usage.prompt_tokens
  status.completion_tokens = status.usage.completion_tokens
  local names = {}
  for index, name in ipairs(STATUS) do names[index] = name end
  for _, part in ipairs(status.parts or {}) do
    names[#names + 1] = "part " .. part.n
    status["part " .. part.n] = ("%d rows, %s"):format(part.rows, part.status or part.state)
  end
  batch_report.write_fields(status, names)
  batch_report.note_problems(status.problems)
  batch_report.note_problems(status.failures)
  return 0
end

--- Runs `novita batch export`.
---@param arguments table
---@return integer? status
---@return novita.Error? err
function batch_look.export(arguments)
  local path
  local lines, err = look(arguments, function(batch)
    path = batch.fields.output
    return batch:export()
  end)
  if not lines then return nil, err end
  if arguments.json then console.write_json { lines = lines } end
  console.note(("%s in %s"):format(console.count(lines, "line"), path))
  return 0
end

return batch_look
