--- `novita batch submit` and `novita batch fetch`: the rows at the server's Batch API.

local batch_open = require("novita.cli.batch_open")
local batch_report = require("novita.cli.batch_report")
local console = require("novita.cli.console")
local progress = require("novita.cli.progress")

local batch_server = {}

local UNFINISHED = 3
local MIB = 1024 * 1024

--- Runs `novita batch submit`.
---@param arguments table
---@return integer? status
---@return novita.Error? err
function batch_server.submit(arguments)
  local described, err = batch_open.described(arguments)
  if not described then return batch_report.failure(err) end
  local batch, sent
  batch, err = batch_open.batch(described, {})
  if not batch then return batch_report.failure(err) end
  local bar = progress.new()
  local function on_progress(done, total)
    bar:show(("uploading %.1f of %.1f MiB"):format(done / MIB, (total or done) / MIB))
  end
  sent, err = batch_report.attempt(described.batch, function()
    return batch:submit { on_progress = on_progress }
  end)
  bar:finish()
  batch.store:close()
  if not sent then return batch_report.failure(err) end
  if arguments.json then batch_report.write_json(sent) end
  console.note(("%s sent, %s at the server"):format(console.count(sent.rows, "row"),
    console.count(#sent.parts, "file")))
  if sent.left == 0 then return 0 end
  if sent.stopped then
    console.note(("novita: %s left (the budget does not suffice for the next row)"):format(
      console.count(sent.left, "row")))
    return UNFINISHED
  end
  console.note(("novita: %s too long for a file: novita batch run makes such calls")
    :format(console.count(sent.left, "row")))
  return 1
end

local function count_rows(parts)
  local rows, answered = 0, 0
  for _, part in ipairs(parts) do
    rows, answered = rows + part.rows, answered + (part.completed or 0) + (part.failed or 0)
  end
  return rows, answered
end

-- Reports the results; returns the exit status.
local function conclude(fetched, status)
  console.note(("%s fetched, %d/%d rows done, %d failed"):format(
    console.count(fetched.rows, "result"), status.done, status.total, status.failed))
  if fetched.missing[1] then
    console.note("novita: these rows have no result, and may have been paid for: "
      .. table.concat(fetched.missing, " "))
  end
  if fetched.open == 0 then return batch_report.failed_rows(status.failed) end
  console.note(("novita: %s left at the server; the same command fetches the results later")
    :format(console.count(fetched.open, "file")))
  return UNFINISHED
end

-- Opens the batch of a store: as its command line describes it, or else as the store knows it.
local function open(arguments)
  local described, problem = batch_open.described(arguments)
  if not described and problem.param == "STORE" then return nil, problem end
  if not described then return batch_open.stored(arguments, {}) end
  local batch, err = batch_open.batch(described, {})
  return batch, err, described.batch
end

--- Runs `novita batch fetch`.
---@param arguments table
---@return integer? status
---@return novita.Error? err
function batch_server.fetch(arguments)
  local batch, err, path = open(arguments)
  if not batch then return batch_report.failure(err) end
  local bar, status = progress.new(), nil
  local options = {
    wait = arguments.wait, interval = arguments.interval,
    on_progress = function(parts)
      local rows, answered = count_rows(parts)
      bar:show(("%d/%d rows answered at the server"):format(answered, rows))
    end,
  }
  local fetched, problem = batch_report.attempt(path, function() return batch:fetch(options) end)
  bar:finish()
  if fetched then status, problem = batch:status() end
  batch.store:close()
  if not status then return batch_report.failure(problem) end
  if arguments.json then batch_report.write_json(fetched) end
  return conclude(fetched, status)
end

return batch_server
