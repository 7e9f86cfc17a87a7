--- The methods of a batch that use the server's Batch API: the same rows go up in files, and their
--- results come into the same store.

local core = require("novita.core")
local entry = require("novita.batch.entry")
local export = require("novita.batch.export")
local fetch = require("novita.batch.fetch")
local parts = require("novita.batch.parts")
local remote = require("novita.batch.remote")
local submit = require("novita.batch.submit")
local inherit = require("novita.call.settings").inherit
local loops = require("novita.loop")

local server = {}

local PATIENCE = 10 -- seconds for which a status waits for the server

--- Returns the parts of a batch at the server, the open ones as they are now. Where the server does
--- not answer, as they were.
---@param self novita.Batch
---@return novita.BatchPart[]? list nil on failure
---@return novita.Error? err
function server.parts(self)
  local list, err = parts.all(self.store, self.number)
  if not list then return nil, err end
  local settings = inherit(self.settings, { retry = "none", deadline = PATIENCE })
  for _, part in ipairs(list) do
    if part.state == "created" and not remote.refresh(part, settings) then break end
  end
  return list
end

local function submit_rows(self, options, tools)
  local counted, price_of, result, err
  counted, err = tools.prepare(self)
  if counted then price_of, err = tools.price_finder(self, counted.groups) end
  if not price_of then return nil, err end
  result, err = submit.run(self, options, tools.request_of, price_of)
  if self.reader then self.reader:close() end
  self.reader = nil
  return result, err
end

-- Looks until all has come, if the options say so. Other processes may run the batch meanwhile.
local function look(self, run, options)
  local loop = self.settings.policy.loop or loops.here()
  repeat
    local done, err = entry.alone(self, function() return fetch.look(run) end)
    local is_busy = not done and run.parts and err.reason == "locked"
    if not done and not is_busy then return nil, err end
    local goes_on = not options.on_progress or options.on_progress(run.parts) ~= false
    if run.open == 0 or not options.wait or not goes_on then return true end
  until not loop.sleep(options.interval)
  return nil, core.error { kind = "cancelled", message = "the task was cancelled" }
end

local function fetch_rows(self, options, tools)
  local run = fetch.new(self, tools.price_list(self))
  local done, err = look(self, run, options)
  if not done then return nil, err end
  local result = fetch.result(run)
  if self.fields.output then
    result.lines, err = export.finish(self.store, self.number, self.fields.output)
    if not result.lines then return nil, err end
  end
  return result
end

--- Adds the methods.
---@param methods novita.Batch
---@param tools table<string, function> those of init.lua that these methods need, too
function server.add(methods, tools)
  --- Sends the rows that wait to the server's Batch API.
  ---@param options? novita.SubmitOptions
  ---@return novita.Submission? result nil on failure: what was done is in the store
  ---@return novita.Error? err
  function methods:submit(options)
    local checked = submit.checked(options)
    return entry.alone(self, function() return submit_rows(self, checked, tools) end)
  end

  --- Brings the results that are ready into the store, and writes the output.
  ---@param options? novita.FetchOptions
  ---@return novita.Fetched? result nil on failure: what has come before is in the store
  ---@return novita.Error? err
  function methods:fetch(options)
    local checked = fetch.checked(options)
    return fetch_rows(self, checked, tools)
  end
end

return server
