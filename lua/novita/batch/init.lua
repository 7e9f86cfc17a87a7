--- A batch: the rows of a file, a call for each, and the answers in another file. What is known of
--- each call stands in a store: a batch goes on where it was, whatever ended it, and does not pay
--- twice for an answer that it has.

local budget = require("novita.batch.budget")
local claims = require("novita.batch.claims")
local compat = require("novita.compat")
local core = require("novita.core")
local counts = require("novita.batch.counts")
local defaults = require("novita.call.options").defaults
local config_error = require("novita.error_hint").config_error
local entry = require("novita.batch.entry")
local export = require("novita.batch.export")
local input = require("novita.batch.input")
local leases = require("novita.batch.leases")
local loops = require("novita.loop")
local misuse = require("novita.misuse")
local output = require("novita.batch.output")
local plan = require("novita.batch.plan")
local prices = require("novita.batch.prices")
local progress = require("novita.batch.progress")
local runner = require("novita.batch.runner")
local server = require("novita.batch.server")
local stores = require("novita.store")
local summary = require("novita.batch.summary")

local inherit = require("novita.call.settings").inherit

local batches = {}

local ABORT_ON = { "authentication", "balance", "config" }

---@class novita.Batch
---@field name string
---@field store novita.Store
---@field package number integer of the batch in its store
---@field package fields table see novita.BatchSetup
---@field package settings novita.Settings
---@field package unsaved novita.BatchOutcome[] what a run could not write to the store
local methods = {}
local mt = { __name = "novita.batch", __index = methods }

-- Prices ----------------------------------------------------------------------------------------

local function price_list(self)
  local list, err = self.prices, nil
  if not list then list, err = prices.list(inherit(self.settings, { retry = "none" })) end
  self.prices = list
  return list, err
end

-- Returns the function that knows the prices of models. A budget of money needs them all.
local function price_finder(self, groups)
  local list, err = price_list(self)
  local function price_of(model) return list and model and list[model] end
  if not (self.fields.budget and self.fields.budget.usd) then return price_of end
  if not list then return nil, err end
  for _, group in ipairs(groups) do
    if not price_of(group.model) then
      return nil, config_error("budget.usd", ("the server names no price for %s"):format(
        misuse.shown(group.model)))
    end
  end
  return price_of
end

-- Plans -----------------------------------------------------------------------------------------

local function make_plan(self)
  local read, err = entry.read_input(self)
  if not read then return nil, err end
  local counted, unique, problems
  counted, err = counts.of(self.store, self.number)
  if counted then unique, err = counts.unique(self.store, self.number) end
  if unique then problems, err = counts.problems(self.store, self.number) end
  if not problems then return nil, err end
  local list = price_list(self)
  local function price_of(model) return list and list[model] end
  local result = plan.of(counted, unique, self.fields, price_of)
  result.problem_list = problems
  return result
end

--- Reads the input into the store and says what a run would do and cost. Sends no call.
---@return novita.BatchPlan? plan nil on failure
---@return novita.Error? err config: the input can't be read, or ids are there twice; store, also
---  where another process runs the batch (reason "locked", and err.holder)
function methods:plan()
  return entry.alone(self, make_plan)
end

-- Runs ------------------------------------------------------------------------------------------

-- Writes what the last run of this object could not.
local function save_rest(self)
  if not self.unsaved[1] then return true end
  local done, err = self.claims:turn(self.unsaved, 0)
  if not done then return nil, err end
  self.unsaved = {}
  return true
end

local function changed(claim)
  local name = claim.seq and ("row %d"):format(claim.seq) or "the row of " .. misuse.shown(claim.id)
  return config_error("input", name .. " has changed since it was read")
end

-- The bytes of a call. Where the store keeps no prompts they are rendered again from the row.
local function request_of(self, claim)
  if claim.request then return claim.request end
  local err
  if not self.reader then
    self.reader, err = input.open(self.fields.input,
      { format = self.fields.format, id = self.fields.id })
    if not self.reader then return nil, err end
  end
  if not claim.place then return nil, changed(claim) end
  local row
  row, err = self.reader:at(claim.place)
  if not row then return nil, err end
  row.seq = claim.seq
  local request = self.identity:of(row)
  if not request or request.key ~= claim.key then return nil, changed(claim) end
  return request.body
end

local function watch(self)
  if self.fields.interrupts == false or not loops.is_script(loops.here()) then return nil end
  return core.interrupts()
end

-- Makes ready what earlier runs have left. Returns how the batch stands.
local function prepare(self)
  local path = self.fields.output
  local done, err = true, nil
  if path then done, err = output.check(path) end
  if done then done, err = save_rest(self) end
  if done then done, err = entry.read_input(self) end
  if done then
    done, err = self.claims:resume(self.fields.in_doubt == "hold", self.fields.keep_failures)
  end
  if not done then return nil, err end
  return counts.of(self.store, self.number)
end

-- Returns the setup of the runner.
local function new_run(self, counted, used, price_of)
  self.claims.budget = budget.new(self.fields.budget, used, price_of, counted.groups)
  return {
    settings = self.settings, path = self.identity.path, fields = self.fields,
    loop = self.settings.policy.loop or loops.here(), claims = self.claims, price_of = price_of,
    concurrency = self.settings.policy.concurrency or defaults.concurrency,
    budget = self.claims.budget, unsaved = {},
    progress = progress.new({
      total = counted.rows, done = counted.done, failed = counted.failed + counted.problems,
      waiting = counted.waiting,
    }, self.fields.on_progress),
    request_of = function(claim) return request_of(self, claim) end,
  }
end

-- Makes the calls. What a function of the user's raises is raised once all is written down.
local function make_calls(self, run)
  run.interrupts = watch(self)
  local ok, problem = compat.pcall(runner.run, run)
  if run.interrupts then run.interrupts:close() end
  if self.reader then self.reader:close() end
  self.reader, self.unsaved = nil, run.unsaved
  if not ok then error(problem, 0) end
  if run.unsaved[1] then
    run.store_err.message = ("%s (%d answers are not saved yet: they are kept for the next run of "
      .. "this batch object)"):format(run.store_err.message, #run.unsaved)
  elseif run.stopped ~= "store" then
    return true
  end
  return nil, run.store_err
end

-- Returns what the calls of earlier runs have used. A budget counts it; without one it is not read,
-- since that reads all answers.
local function used_before(self)
  if not self.fields.budget then return { tokens = 0, usd = 0 } end
  return counts.used(self.store, self.number)
end

local function run_batch(self, counted, err)
  if not counted then return nil, err end
  local used, price_of, done
  used, err = used_before(self)
  if used then price_of, err = price_finder(self, counted.groups) end
  if not price_of then return nil, err end
  local run = new_run(self, counted, used, price_of)
  done, err = make_calls(self, run)
  if not done then return nil, err end
  local lines
  if self.fields.output and not run.abandoned then
    lines, err = export.finish(self.store, self.number, self.fields.output)
    if not lines then return nil, err end
  end
  return summary.of_run(self, run, counted, lines)
end

--- Makes the calls that are left, and writes the output. Ctrl-C once lets calls in flight end and
--- takes no more; twice breaks them off.
---@return novita.BatchSummary? summary nil on failure
---@return novita.Error? err config: the batch can't begin; store: what is in it stays
function methods:run()
  if self.claims.is_shared then return run_batch(self, entry.alone(self, prepare)) end
  return entry.alone(self, function() return run_batch(self, prepare(self)) end)
end

--- Writes the output from what is in the store.
---@return integer? lines nil on failure
---@return novita.Error? err config: it can't be written; store
function methods:export()
  if not self.fields.output then return nil, config_error("output", "is missing") end
  return export.run(self.store, self.number, self.fields.output)
end

--- Returns the state of the batch, also while another process runs it.
---@return novita.BatchStatus? status nil on failure
---@return novita.Error? err
function methods:status()
  local status, err = summary.status(self.store, self.number, self.name)
  if not status then return nil, err end
  status.running = self.claims:running() or self.store:locked("batch " .. self.name)
  status.parts, err = server.parts(self)
  return status.parts and status, err
end

server.add(methods, {
  prepare = prepare, request_of = request_of, price_list = price_list,
  price_finder = price_finder,
})
misuse.guard("batch", mt)

-- Making ----------------------------------------------------------------------------------------

--- The address of the store where the fields name none: "labels.db" for "labels.jsonl".
---@param fields { output: string?, input: string? }
---@return string? address
function batches.default_store(fields)
  local path = fields.output or fields.input
  return path and (path:match("^(.*[^/])%.[^./]*$") or path) .. ".db"
end

local function default_name(fields)
  local path = fields.input or fields.output
  return path and path:match("[^/]*$")
end

-- On a server several processes may run a batch.
local function claims_of(self)
  if self.store.kind == "sqlite" then return claims.new(self.store, self.number, "this process") end
  return leases.new(self.store, self.number, self.fields.lease)
end

-- The output must replace neither the rows nor the answers.
local function check_output(self)
  local path = self.fields.output
  if not path then return true end
  local noted, ok, err
  noted, err = entry.settings(self)
  if not noted then return nil, err end
  ok, err = output.differs(path, self.fields.input or noted.input, "the input")
  if ok then ok, err = output.differs(path, self.store.backend.file, "the file of the store") end
  return ok, err
end

--- Makes a batch and opens its store.
---@param fields table of novita.BatchSetup, checked
---@param settings novita.Settings
---@return novita.Batch? batch nil on failure
---@return novita.Error? err
function batches.new(fields, settings)
  fields.endpoint = fields.endpoint or "/chat/completions"
  fields.abort_on = fields.abort_on or ABORT_ON
  local self = setmetatable({
    fields = fields, settings = settings, unsaved = {}, name = fields.name or default_name(fields),
  }, mt)
  if not self.name then return nil, config_error("name", "is missing, and there is no input") end
  local address = fields.store or batches.default_store(fields)
  if not address then return nil, config_error("store", "is missing, and there is no output") end
  local err
  self.store, err = stores.of(address)
  if not self.store then return nil, err end
  self.number, err = entry.find(self.store, self.name)
  if not self.number then return nil, err end
  local ok
  ok, err = check_output(self)
  if not ok then return nil, err end
  self.claims, err = claims_of(self)
  if not self.claims then return nil, err end
  return self
end

return batches
