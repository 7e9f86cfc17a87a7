--- Brings the results of a batch from the server's Batch API into its store.

local core = require("novita.core")
local lines = require("novita.batch.lines")
local outcome = require("novita.batch.outcome")
local parts = require("novita.batch.parts")
local remote = require("novita.batch.remote")
local results = require("novita.batch.results")
local rule = require("novita.rule")
local tables = require("novita.tables")

local fetch = {}

local CHAT = "/chat/completions"
local BLOCK = 65536 -- bytes that are read at once
local MOST = 2 ^ 28 -- bytes of a line
local CHUNK = 500 -- lines of a transaction
local INTERVAL = 30 -- seconds between two looks

local RULES = {
  wait = rule.boolean, interval = rule.number(0), on_progress = rule.callable,
}

---@class novita.FetchOptions
---@field wait? boolean true: until all parts have ended
---@field interval? number seconds between two looks at the server; default: 30
---@field on_progress? fun(parts: novita.BatchPart[]): boolean? after each look; false: no more

---@class novita.Fetched
---@field parts novita.BatchPart[] all parts, the ended ones too
---@field open integer parts that go on at the server
---@field rows integer results that this call has brought
---@field missing string[] ids without a result in a completed part: they may have been paid for
---@field unknown string[] ids of results that no open call has
---@field unreadable integer lines that could not be read
---@field lines? integer of the output

---@class novita.BatchFetch
---@field batch novita.Batch
---@field path string of the file that results are read from
---@field price_of fun(model: string?): novita.batch.Price?
---@field parts novita.BatchPart[] as they were last seen
---@field open integer
---@field rows integer
---@field missing string[]
---@field unknown string[]
---@field unreadable integer
---@field raised? { [1]: any } what the user's function raised

-- Lines ------------------------------------------------------------------------------------------

local function reply_of(found, is_chat)
  if found.err then return nil end
  return is_chat and core.reply(found.body) or found.body
end

-- Returns the info of a result, or its error.
local function info_of(found)
  local info = found.err or { status = found.status }
  info.request_id, info.body, info.attempts = found.request_id, found.bytes, { true }
  return info
end

-- Adds the outcome of a line to those of the chunk.
local function add_line(run, part, text, chunk)
  local batch, is_chat = run.batch, run.batch.fields.endpoint == CHAT
  local found = results.read(text, is_chat)
  if not found then
    run.unreadable = run.unreadable + 1
    return true
  end
  local claim, err = parts.call(batch.store, batch.number, part, found.id)
  if claim == nil then return nil, err end
  if not claim then
    run.unknown[#run.unknown + 1] = found.id
    return true
  end
  local reply = reply_of(found, is_chat)
  local result = outcome.of(claim, reply, info_of(found), batch.fields, run.price_of(claim.model))
  chunk[#chunk + 1] = result
  if result.problem ~= nil then run.raised = run.raised or { result.problem } end
  return true
end

-- Writes down what came of calls. What the user's function raised is raised once it is.
local function save(run, chunk)
  if not chunk[1] then return true end
  local done, err = run.batch.claims:turn(chunk, 0)
  if not done then return nil, err end
  run.rows = run.rows + #chunk
  if run.raised then error(run.raised[1], 0) end
  return true
end

local function read_lines(run, part, next_line)
  local chunk = {}
  while true do
    local line, problem = next_line()
    if problem then
      return nil, core.error { kind = "invalid_response", message = "the results: " .. problem }
    end
    if not line or #chunk == CHUNK then
      local done, err = save(run, chunk)
      if not done then return nil, err end
      chunk = {}
    end
    if not line then return true end
    if line.too_long then
      run.unreadable = run.unreadable + 1
    elseif line.text:find("%S") then
      local done, err = add_line(run, part, line.text, chunk)
      if not done then return nil, err end
    end
  end
end

local function read_file(run, part, path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, core.error { kind = "config", message = problem } end
  local next_line = lines.of(function() return file:read(BLOCK) end, MOST)
  local done, err = read_lines(run, part, next_line)
  file:close()
  return done, err
end

-- Parts ------------------------------------------------------------------------------------------

local function fetch_file(run, part, id)
  if not id then return true end
  return remote.with_file(run.path, function()
    local path, err = remote.download(id, run.path, run.batch.settings)
    if not path then return nil, err end
    return read_file(run, part, path)
  end)
end

-- A part that says it is completed and names no file would lose what was paid for.
local function check_files(part, ended)
  if ended ~= "completed" or part.output_file or part.error_file or part.rows == 0 then
    return true
  end
  return nil, core.error { kind = "invalid_response",
    message = ("the batch %s is completed, but names no file of results"):format(part.id) }
end

-- Brings the results of a part that has ended. Calls without one wait again: those of a completed
-- part may have been paid for.
local function fetch_part(run, part, ended)
  local batch, left = run.batch, nil
  local done, err = check_files(part, ended)
  if done then done, err = fetch_file(run, part, part.output_file) end
  if done then done, err = fetch_file(run, part, part.error_file) end
  local is_complete = ended == "completed"
  if done then left, err = parts.finish(batch.store, batch.number, part, is_complete) end
  if not left then return nil, err end
  for _, id in ipairs(is_complete and left or {}) do run.missing[#run.missing + 1] = id end
  return true
end

local function look_at(run, part)
  local asked, ended = remote.refresh(part, run.batch.settings)
  if not asked then return nil, ended end
  if ended then return fetch_part(run, part, ended) end
  run.open = run.open + 1
  return parts.save(run.batch.store, part)
end

--- Looks at the parts that have not ended, and brings the results of those that have by now. One
--- that fails does not keep the others.
---@param run novita.BatchFetch
---@return true? done nil on failure: what has come before is in the store
---@return novita.Error? err
function fetch.look(run)
  local batch, failure = run.batch, nil
  local open, err = parts.open(batch.store, batch.number)
  if not open then return nil, err end
  run.open = 0
  for _, part in ipairs(open) do
    local done, problem = true, nil
    if part.state == "created" then
      done, problem = look_at(run, part)
    else
      run.open = run.open + 1 -- submit goes on with it
    end
    if not done then failure = failure or problem end
  end
  if failure then return nil, failure end
  run.parts, err = parts.all(batch.store, batch.number)
  return run.parts and true, err
end

--- Checks the options of a fetch; raises for one that is unknown or wrong.
---@param options? novita.FetchOptions
---@return novita.FetchOptions
function fetch.checked(options)
  rule.check("fetch", options or {}, RULES)
  return tables.merged({ interval = INTERVAL }, options or {})
end

--- Returns a summary of the results.
---@param run novita.BatchFetch
---@return novita.Fetched
function fetch.result(run)
  return {
    parts = run.parts, open = run.open, rows = run.rows, missing = run.missing,
    unknown = run.unknown, unreadable = run.unreadable,
  }
end

--- Begins a fetch. The cost of a call is noted at the price of a plain call, the most that it can
--- be: the server names no prices of its Batch API.
---@param batch novita.Batch
---@param list? table<string, novita.batch.Price> prices by models
---@return novita.BatchFetch
function fetch.new(batch, list)
  return {
    batch = batch, path = remote.scratch(batch, ".download"),
    price_of = function(model) return list and model and list[model] or nil end,
    rows = 0, missing = {}, unknown = {}, unreadable = 0,
  }
end

return fetch
