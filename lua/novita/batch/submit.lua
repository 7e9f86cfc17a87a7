--- Sends the calls of a batch to the server's Batch API: in files of one model each, as many as it
--- takes at once.
---
--- Each step is in the store before it is made, and its result afterwards. What a crash has left
--- between them is looked for at the server before it is done again.

local budget = require("novita.batch.budget")
local core = require("novita.core")
local counts = require("novita.batch.counts")
local output = require("novita.batch.output")
local parts = require("novita.batch.parts")
local remote = require("novita.batch.remote")
local rule = require("novita.rule")
local tables = require("novita.tables")

local submit = {}

local NOVITA = "//api.novita.ai/"
-- Limits of Novita, and the only window that it knows.
local DEFAULTS = { max_rows = 50000, max_bytes = 1e8, window = "48h" }

local RULES = {
  max_rows = rule.integer(1), max_bytes = rule.integer(1),
  window = {
    expected = "a string", accepts = function(value) return type(value) == "string" end,
  },
  on_progress = rule.callable,
}

---@class novita.SubmitOptions
---@field max_rows? integer of a file; default: 50,000
---@field max_bytes? integer of a file; default: 100,000,000
---@field window? string default: "48h"
---@field on_progress? fun(done: integer, total: integer?): boolean? bytes of a file

---@class novita.Submission
---@field parts novita.BatchPart[] that are at the server, with those of earlier calls
---@field rows integer in the parts that this call has sent
---@field resumed integer parts that an earlier call had not finished
---@field left integer rows that were not sent: too long for a file, or beyond the budget
---@field stopped? "budget"

-- Lines ------------------------------------------------------------------------------------------

-- Returns a function that gives the line of a call. Novita's pages show no method and no URL; other
-- servers want both.
local function line_writer(batch, request_of)
  local url = core.url("/", batch.settings.wire) or ""
  local middle = url:find(NOVITA, 1, true) and "" or ('"method":"POST","url":%s,'):format(
    core.encode("/v1" .. batch.fields.endpoint))
  return function(claim)
    local body, err = request_of(batch, claim)
    if not body then return nil, err end
    return ('{"custom_id":%s,%s"body":%s}\n'):format(core.encode(claim.id), middle, body)
  end
end

-- Writes the file of a part, which holds prompts: for its owner only.
local function write_file(batch, part, path, line_of)
  local next_call = parts.calls(batch.store, batch.number, part)
  return output.write_lines(path, function()
    local claim, err = next_call()
    if not claim then return nil, err end
    return line_of(claim)
  end, true)
end

-- Steps ------------------------------------------------------------------------------------------

-- The server has refused: the calls wait again.
local function give_back(batch, part, err)
  part.problem, part.status = err.message, "refused"
  local left, failure = parts.finish(batch.store, batch.number, part, false)
  return nil, left and err or failure
end

local function upload(batch, part, run)
  local file
  local done, err = write_file(batch, part, run.path, run.line_of)
  if done then file, err = remote.upload(part, run.path, batch.settings, run.on_progress) end
  if not file then return give_back(batch, part, err) end
  part.file, part.state = file, "creating"
  return parts.save(batch.store, part)
end

local function create(batch, part, run, is_known)
  local made, err, is_open = remote.create(part, run, batch.settings, is_known)
  if not made and not is_open then return give_back(batch, part, err) end
  if not made then
    err.message = ("%s (the batch of %s may exist all the same: submit looks for it the next time)")
      :format(err.message, part.name)
    return nil, err
  end
  remote.read(part, made)
  part.state = "created"
  return parts.save(batch.store, part)
end

local function send(batch, part, run)
  local done, err = remote.with_file(run.path, function() return upload(batch, part, run) end)
  if not done then return nil, err end
  return create(batch, part, run, false)
end

-- Looks after what an earlier call has left. The batch of a file may exist. Without a file there is
-- none, and the calls wait again. Returns how many batches were found or made.
local function resume(batch, run)
  local open, err = parts.open(batch.store, batch.number)
  if not open then return nil, err end
  local count = 0
  for _, part in ipairs(open) do
    local done = true
    if part.state == "creating" then
      count = count + 1
      done, err = create(batch, part, run, true)
    elseif part.state == "claimed" then
      remote.forget(part, batch.settings)
      part.status = "dropped"
      done, err = parts.finish(batch.store, batch.number, part, false)
    end
    if not done then return nil, err end
  end
  return count
end

-- Returns the rest of the budget, by all calls in the store.
local function budget_of(batch, price_of)
  local counted, used, err
  counted, err = counts.of(batch.store, batch.number)
  if counted then used, err = counts.used(batch.store, batch.number) end
  if not used then return nil, err end
  return budget.new(batch.fields.budget, used, price_of, counted.groups)
end

-- Sends all calls to a model that the budget allows. Returns how many.
local function send_model(batch, model, run)
  local count = 0
  while true do
    local part, err = parts.claim(batch, model, run.limits)
    if part == nil then return nil, err end
    if not part then return count end
    local done
    done, err = send(batch, part, run)
    if not done then return nil, err end
    count = count + part.rows
  end
end

local function send_all(batch, run)
  local resumed, counted, err
  resumed, err = resume(batch, run)
  if resumed then counted, err = counts.of(batch.store, batch.number) end
  if not counted then return nil, err end
  local result = { rows = 0, left = 0, resumed = resumed }
  for _, group in ipairs(counted.groups) do
    if group.state == "waiting" then
      local sent
      sent, err = send_model(batch, group.model, run)
      if not sent then return nil, err end
      result.rows, result.left = result.rows + sent, result.left + group.count - sent
    end
  end
  result.parts, err = parts.open(batch.store, batch.number)
  result.stopped = run.limits.stopped
  if not result.parts then return nil, err end
  return result
end

--- Checks the options of a submission; raises for one that is unknown or wrong.
---@param options? novita.SubmitOptions
---@return novita.SubmitOptions
function submit.checked(options)
  rule.check("submit", options or {}, RULES)
  return tables.merged(DEFAULTS, options or {})
end

--- Sends the calls that wait.
---@param batch novita.Batch whose input was read
---@param options novita.SubmitOptions checked
---@param request_of fun(batch: novita.Batch, claim: novita.BatchClaim): string?, novita.Error?
---@param price_of fun(model: string?): novita.batch.Price?
---@return novita.Submission? result nil on failure: what was done is in the store
---@return novita.Error? err
function submit.run(batch, options, request_of, price_of)
  local line_of = line_writer(batch, request_of)
  return send_all(batch, {
    path = remote.scratch(batch, ".upload"), line_of = line_of,
    endpoint = "/v1" .. batch.fields.endpoint, completion_window = options.window,
    on_progress = options.on_progress,
    limits = {
      rows = options.max_rows, bytes = options.max_bytes,
      size_of = function(claim)
        local line, err = line_of(claim)
        return line and #line, err
      end,
      budget = function() return budget_of(batch, price_of) end,
    },
  })
end

return submit
