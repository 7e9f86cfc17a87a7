--- Reports of `novita batch`: the fields of a batch as data, and the outcome of a run as text.

local console = require("novita.cli.console")
local core = require("novita.core")
local files = require("novita.cli.files")
local retry = require("novita.retry")
local tables = require("novita.tables")

local batch_report = {}

local UNFINISHED, INTERRUPTED = 3, 130
local GOES_ON = "the same command goes on with them"

--- Prints fields with their values: columns at a terminal, else with a tab between them.
---@param value table
---@param names string[]
function batch_report.write_fields(value, names)
  local format = console.is_terminal(io.stdout) and "%-18s %s\n" or "%s\t%s\n"
  for _, name in ipairs(names) do
    local shown = value[name]
    if type(shown) == "table" then shown = table.concat(shown, " ") end
    if type(shown) == "number" and shown % 1 ~= 0 then shown = ("%.6f"):format(shown) end
    if shown ~= nil and shown ~= "" then console.write(format:format(name, tostring(shown))) end
  end
end

-- Lists, also when they are empty. In a plan some of these are numbers.
local LISTS = { "extra", "failures", "in_doubt", "missing", "paid_twice", "parts", "problem_list",
  "problems", "unknown" }

-- A copy of some fields of an error, which has others that are no JSON.
local function plain_error(err)
  return err and { kind = err.kind, reason = err.reason, status = err.status, code = err.code,
    message = err.message, request_id = err.request_id }
end

--- Prints what a method of a batch has returned, as JSON.
---@param result table
function batch_report.write_json(result)
  local shown = tables.merged(result, { err = plain_error(result.err) })
  for _, name in ipairs(LISTS) do
    if type(shown[name]) == "table" then core.array(shown[name]) end
  end
  console.write_json(shown)
end

-- Kinds of errors of the API for which the same calls can be made later.
local LATER = {
  connection = "its server answers", timeout = "its server answers", server = "its server answers",
  rate_limit = "its server takes more", authentication = "the key is right",
}

--- The results of a subcommand that has failed and works on the rows that are left: the error, or
--- where its calls can be made later a status that says so.
---@param err novita.Error
---@return integer? status
---@return novita.Error? err
function batch_report.failure(err)
  if type(err) ~= "table" then return nil, err end
  local later = retry.quota_exhausted(err) and "the account has credit"
    or err.saved and "the output can be written" or LATER[err.kind]
  if not later then return nil, err end
  console.complain(err)
  console.note("novita: the same command goes on once " .. later)
  return UNFINISHED
end

--- Calls a method of a batch. What a function of its description raises is no error of ours.
---@param path string? the description, if the batch has one
---@param fn fun(): any, any
---@return any result nil on failure
---@return novita.Error|string|nil err
function batch_report.attempt(path, fn)
  if not (path and files.ending(path) == "lua") then return fn() end
  local ok, result, err = files.call(fn)
  if ok then return result, err end
  return nil, ("%s: a function raised: %s (the answers that have come are saved)"):format(path,
    result)
end

-- Problems of rows that ask nothing, by their ends, and what is said then.
local NOTHING_ASKED = { "message: is missing", "has no body, and the batch no request" }
local ASK = ": name what is asked, by --prompt 'Sum up: {{row.text}}', -t FILE, the `request` of a "
  .. "description, or a `body` in each line"

local function remedy_of(problem)
  for _, ending in ipairs(NOTHING_ASKED) do
    if problem:sub(-#ending) == ending then return ASK end
  end
  return ""
end

--- Reports the problems of rows: of those with the same problem the first.
---@param problems string[] which begin with the line of a row
function batch_report.note_problems(problems)
  local told = {}
  for _, problem in ipairs(problems) do
    local what = problem:gsub("^line %d+", "", 1)
    if not told[what] then console.note("novita: " .. problem .. remedy_of(problem)) end
    told[what] = true
  end
end

local REASONS = {
  interrupted = "interrupted", budget = "the budget does not suffice for the next row",
  failures = "too many calls have failed",
}
local REMEDIES = { -- where the same command alone would stop there again
  budget = "with a larger one the same command goes on with them",
}

-- Returns why rows are left, as text.
local function reason_of(summary)
  if summary.err then return tostring(summary.err) end
  return REASONS[summary.stopped] or summary.stopped
    or (summary.remote or 0) > 0 and "at the server: novita batch fetch" or "in doubt"
end

local function note_counts(summary, was_cut)
  console.note(("%d/%d rows done, %d failed, %d sent, %d tokens%s"):format(summary.done,
    summary.total, summary.failed, summary.sent, summary.run_usage.total_tokens,
    summary.run_usd and (", %.6f USD"):format(summary.run_usd) or ""))
  if summary.paid_twice[1] then
    console.note("novita: these rows may have been paid twice: "
      .. table.concat(summary.paid_twice, " "))
  end
  batch_report.note_problems(summary.problems)
  batch_report.note_problems(summary.failures)
  if not summary.lines and summary.done > 0 then
    console.note((was_cut and "no output was written" or "no --output")
      .. ": the answers are in the store, and novita batch export writes them")
  end
end

--- Reports the outcome of a run.
---@param summary novita.BatchSummary
---@param signals integer that the run has received
---@return integer status
function batch_report.conclude(summary, signals)
  note_counts(summary, signals > 1)
  local left = summary.total - summary.done - summary.failed
  if left > 0 then
    console.note(("novita: %s left (%s): %s"):format(console.count(left, "row"),
      reason_of(summary), REMEDIES[summary.stopped] or GOES_ON))
    return signals > 1 and INTERRUPTED or UNFINISHED
  end
  return batch_report.failed_rows(summary.failed)
end

--- Reports failed rows, if there are any.
---@param count integer
---@return integer status
function batch_report.failed_rows(count)
  if count == 0 then return 0 end
  console.note(("novita: %s failed; %s"):format(console.count(count, "row"), GOES_ON))
  return 1
end

return batch_report
