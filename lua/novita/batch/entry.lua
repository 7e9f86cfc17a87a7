--- A batch in its store: its number there, its settings, and who may read its input.

local compat = require("novita.compat")
local config_error = require("novita.error_hint").config_error
local core = require("novita.core")
local identity = require("novita.batch.identity")
local import = require("novita.batch.import")
local loops = require("novita.loop")
local stored = require("novita.store.stored")

local entry = {}

local FIND = "select n from batch where name = $1"
local INSERT = [[insert into batch (name, created_at) values ($1, {now}) on conflict do nothing]]
local READ = "select settings from batch where n = $1"
local UPDATE = "update batch set settings = $2 where n = $1"

local PAUSE = 0.1 -- seconds between two tries to take the lock

--- Returns the number of a batch in its store, which it gets where it has none.
---@param store novita.Store
---@param name string
---@return integer? number nil on failure
---@return novita.Error? err
function entry.find(store, name)
  local rows, err = store:query(FIND, name)
  if rows and not rows[1] then
    rows, err = store:query(INSERT, name)
    if rows then rows, err = store:query(FIND, name) end
  end
  return rows and rows[1][1], err
end

-- Takes the lock of a batch; where several processes run it, waits for it.
local function lock_of(batch)
  local lock, err = batch.store:lock("batch " .. batch.name)
  local loop = batch.settings.policy.loop or loops.here()
  while not lock and err.reason == "locked" and batch.claims.is_shared and loop.sleep(PAUSE) do
    lock, err = batch.store:lock("batch " .. batch.name)
  end
  return lock, err
end

--- Calls fn(batch) while no other process does so.
---@param batch novita.Batch
---@param fn fun(batch: novita.Batch): any, any
---@return any value, any err
function entry.alone(batch, fn)
  local lock, err = lock_of(batch)
  if not lock then return nil, err end
  local ok, value, problem = compat.pcall(fn, batch)
  lock:release()
  if not ok then error(value, 0) end
  return value, problem
end

--- Returns the settings that the last process with an input noted.
---@param batch novita.Batch
---@return { input: string?, endpoint: string?, base_url: string? }? settings nil on failure
---@return novita.Error? err
function entry.settings(batch)
  local rows, err = batch.store:query(READ, batch.number)
  if not rows then return nil, err end
  return stored.object(rows[1][1] or "{}", ("batch %s: its settings"):format(batch.name))
end

-- Returns where the calls of a batch without input go.
local function read_settings(batch)
  local known, err = entry.settings(batch)
  if not known then return nil, err end
  if not known.endpoint then return nil, config_error("input", "is missing") end
  batch.fields.endpoint = known.endpoint
  local url
  url, err = core.url(known.endpoint, { base_url = batch.settings.wire.base_url })
  if url and url ~= known.base_url .. known.endpoint then
    return nil, config_error("base_url", ("is another than that of the batch, %s")
      :format(known.base_url))
  end
  return url, err
end

--- Reads the input into the store, and notes with which settings; without an input the rows are
--- those that were last read.
---@param batch novita.Batch gets its identity
---@return any done nil on failure
---@return novita.Error? err
function entry.read_input(batch)
  local fields = batch.fields
  local url, err
  if not fields.input then
    url, err = read_settings(batch)
  else
    url, err = core.url(fields.endpoint, { base_url = batch.settings.wire.base_url })
  end
  if not url then return nil, err end
  batch.identity, err = identity.new(fields, batch.settings, url)
  if not batch.identity then return nil, err end
  if not fields.input then return true end
  local rows
  rows, err = import.run(batch.store, batch.number, fields, batch.identity)
  if not rows then return nil, err end
  return batch.store:query(UPDATE, batch.number, core.encode {
    input = fields.input, output = fields.output, endpoint = fields.endpoint,
    base_url = url:sub(1, -1 - #fields.endpoint),
  })
end

return entry
