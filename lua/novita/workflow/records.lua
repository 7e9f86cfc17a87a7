--- Reads runs from a store: their records, and the log of their attempts.

local core = require("novita.core")
local error_hint = require("novita.error_hint")
local misuse = require("novita.misuse")
local rule = require("novita.rule")
local stored = require("novita.store.stored")

local records = {}

---@class novita.RunRecord
---@field id string
---@field flow string the name of the workflow
---@field status "queued"|"running"|"paused"|"done"|"crashed" crashed: it was running, and its
---  process is gone
---@field passes integer how often it was begun: 1, and 1 for each retry
---@field trigger any what it was started with; nil once it is done, in a store without prompts
---@field result any what the flow has returned
---@field failed_step? string of a paused run; "(code)" where the code between the steps has raised,
---  "(stopped)" where the run was stopped between two steps
---@field error? novita.Error of a paused run
---@field parent? string the run that this one is a fork of
---@field created_at number seconds since 1970, by the store's clock, as are the next two
---@field started_at? number
---@field ended_at? number
---@field prompt_tokens integer of all its attempts
---@field completion_tokens integer
---@field usd? number what they cost, as far as it is known
---@field log? novita.LogEntry[] of store:run and flow:start, in the order in which they began

---@class novita.LogEntry
---@field step string the name
---@field kind string "chat", "step", "sleep", "tools", "request", "embeddings" ...
---@field item? integer the index, in an each
---@field pass integer 1 for the start, 2 for the first retry
---@field attempt integer 1 for the first of the pass; 0 where nothing was sent
---@field state "sent"|"done"|"failed"|"reused"|"lost" sent: in flight; reused: it had a result;
---  lost: the process ended before the answer came, which may be paid for
---@field at number when it began, in seconds since 1970
---@field seconds? number
---@field status? integer of HTTP
---@field request_id? string
---@field prompt_tokens? integer
---@field completion_tokens? integer
---@field usd? number
---@field error? { kind: string, message: string }
---@field input? any with the option content: what was asked
---@field answer? any with the option content: what came

local RUN = "select id, flow, status, passes, trigger, result, failed_step, error, parent, "
  .. "created_at, started_at, ended_at, "
  .. "(select sum(prompt_tokens) from attempt where attempt.run = run.id), "
  .. "(select sum(completion_tokens) from attempt where attempt.run = run.id), "
  .. "(select sum(usd) from attempt where attempt.run = run.id) from run "

local LOG = "select s.name, s.kind, s.item, a.pass, a.number, a.state, a.started_at, a.seconds, "
  .. "a.status, a.request_id, a.prompt_tokens, a.completion_tokens, a.usd, a.kind, a.message, "
  .. "s.input, s.result from attempt a join step s on s.n = a.step where a.run = $1 order by a.n"

local LIMIT = 100 -- runs of a list
local MOST = 1000 -- of the status "running" that are read to find those that have crashed

--- The name of the lock that a process has which runs a run.
---@param id string
---@return string
function records.lock_name(id)
  return "run " .. id
end

-- Reads a value; nil and an error where it is damaged.
local function read(json, what)
  if json == nil or json == "null" then return nil end
  return stored.read(json, what)
end

-- A damaged field is missing, and named by the error of the record.
local function record_of(row)
  local record = {
    id = row[1], flow = row[2], status = row[3], passes = row[4], failed_step = row[7],
    parent = row[9], created_at = row[10], started_at = row[11], ended_at = row[12],
    prompt_tokens = tonumber(row[13]) or 0, completion_tokens = tonumber(row[14]) or 0,
    usd = row[15],
  }
  local function what(name) return ("run %s: its %s"):format(record.id, name) end
  local trigger_error, result_error
  record.trigger, trigger_error = read(row[5], what("trigger"))
  record.result, result_error = read(row[6], what("result"))
  -- null is nothing, as nil is, and no trigger that was removed
  if row[5] == "null" then record.trigger = {} end
  record.error = trigger_error or result_error or row[8] and stored.error(row[8], what("error"))
  return record
end

-- A run that is marked as running has crashed if no process has its lock.
local function judge(store, record)
  if record.status ~= "running" then return record end
  local holder, err = store:locked(records.lock_name(record.id))
  if err then return nil, err end
  if not holder then record.status = "crashed" end
  return record
end

local function entry_of(row, content)
  return {
    step = row[1], kind = row[2], item = row[3], pass = row[4], attempt = row[5], state = row[6],
    at = row[7], seconds = row[8], status = row[9], request_id = row[10],
    prompt_tokens = row[11], completion_tokens = row[12], usd = row[13],
    error = row[14] and { kind = row[14], message = row[15] } or nil,
    input = content and row[6] ~= "reused" and read(row[16], "the input") or nil,
    answer = content and row[6] == "done" and read(row[17], "the answer") or nil,
  }
end

local function log_of(store, id, content)
  local rows, err = store:query(LOG, id)
  if not rows then return nil, err end
  local log = {}
  for index, row in ipairs(rows) do log[index] = entry_of(row, content) end
  return core.array(log)
end

local function wrong_id(id, problem)
  return nil, error_hint.config_error("id", misuse.shown(id) .. " " .. problem)
end

--- Returns the record of a run, without its log.
---@param store novita.Store
---@param id string or the first letters of it
---@return novita.RunRecord? record
---@return novita.Error? err
function records.find(store, id)
  if type(id) ~= "string" or id == "" then misuse.expected("id", "the id of a run", id) end
  local rows, err = store:query(RUN .. "where id >= $1 and id < $2 order by id limit 2", id,
    id .. "~")
  if not rows then return nil, err end
  if not rows[1] then return wrong_id(id, "is the id of no run") end
  if rows[2] and rows[1][1] ~= id then return wrong_id(id, "begins the ids of several runs") end
  return judge(store, record_of(rows[1]))
end

--- Has a run a step of this name?
---@param store novita.Store
---@param id string
---@param name string
---@return boolean? has nil on failure
---@return novita.Error? err
function records.has_step(store, id, name)
  local rows, err = store:query("select 1 from step where run = $1 and name = $2 limit 1", id, name)
  if not rows then return nil, err end
  return rows[1] ~= nil
end

--- Returns the record of a run, with its log.
---@param store novita.Store
---@param id string or the first letters of it
---@param options? { content: boolean? } content: the log has what was asked and what was answered
---@return novita.RunRecord? record
---@return novita.Error? err
function records.run(store, id, options)
  rule.check("run", options or {}, { content = rule.boolean })
  local record, err = records.find(store, id)
  if not record then return nil, err end
  record.log, err = log_of(store, record.id, options and options.content)
  if not record.log then return nil, err end
  return record
end

local STATUSES = { queued = true, running = true, paused = true, done = true, crashed = true }

local FILTERS = {
  flow = {
    expected = "the name of a workflow",
    accepts = function(value) return type(value) == "string" end,
  },
  status = rule.one_of(STATUSES),
  limit = rule.integer(1),
}

---@class novita.RunFilter
---@field flow? string the name of a workflow
---@field status? "queued"|"running"|"paused"|"done"|"crashed"
---@field limit? integer how many at most; default: 100

--- Lists runs, the newest first, without their logs.
---@param store novita.Store
---@param filter? novita.RunFilter
---@return novita.RunRecord[]? list
---@return novita.Error? err
function records.list(store, filter)
  filter = filter or {}
  rule.check("runs", filter, FILTERS)
  local wanted, limit = filter.status, filter.limit or LIMIT
  local status = wanted == "crashed" and "running" or wanted
  local rows, err = store:query(RUN .. "where ($1 = '' or flow = $1) and ($2 = '' or status = $2) "
    .. "order by n desc limit $3", filter.flow or "", status or "",
    status == "running" and MOST or limit)
  if not rows then return nil, err end
  local list = {}
  for _, row in ipairs(rows) do
    local record
    record, err = judge(store, record_of(row))
    if not record then return nil, err end
    if not wanted or record.status == wanted then list[#list + 1] = record end
    if #list == limit then break end
  end
  return list
end

local REMOVE = {
  "delete from attempt where run = $1", "delete from step where run = $1",
  "delete from run where id = $1",
}

--- Removes a run with its steps and its log, unless it runs.
---@param store novita.Store
---@param id string or the first letters of it
---@return string? id of the run that is no more
---@return novita.Error? err
function records.remove(store, id)
  local record, err = records.find(store, id)
  if not record then return nil, err end
  local lock
  lock, err = store:lock(records.lock_name(record.id))
  if not lock then return nil, err end
  local done
  done, err = store:transaction(function()
    for _, sql in ipairs(REMOVE) do
      local rows, problem = store:query(sql, record.id)
      if not rows then return nil, problem end
    end
    return true
  end)
  lock:release()
  return done and record.id, err
end

--- Makes an id for a run.
---@return string
function records.new_id()
  local function part() return math.floor(core.random() * 0x1000000) end
  return ("%06x%06x"):format(part(), part())
end

return records
