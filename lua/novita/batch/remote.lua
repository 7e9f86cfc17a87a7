--- Novita's Batch API as parts need it. Its answers differ from those of OpenAI and from its own
--- pages: states in any case, "" for what is absent, lists of two shapes.

local batches = require("novita.api.batches")
local compat = require("novita.compat")
local core = require("novita.core")
local files = require("novita.api.files")
local tables = require("novita.tables")

local remote = {}

local PAGE = 100 -- members of a list that are asked for at once
local MOST_PAGES = 1000

-- The meaning of each final state; in all others the batch continues.
local ENDED = {
  completed = "completed", failed = "failed", expired = "expired", cancelled = "cancelled",
  canceled = "cancelled",
}

-- A text that is not empty, or nil.
local function text_of(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function count_of(batch, name)
  local counts = type(batch.request_counts) == "table" and batch.request_counts or batch
  return tonumber(counts[name]) or tonumber(batch[name])
end

-- Returns the problem that a server reports: a text, an error, or a list of them.
local function problem_of(value)
  if type(value) ~= "table" then return text_of(value) end
  if type(value.data) == "table" then value = value.data end
  return text_of(value.message) or problem_of(value[1])
end

--- Writes into a part what a batch of the server says.
---@param part novita.BatchPart
---@param batch novita.ApiBatch
---@return string? ended "completed", "failed", "expired", "cancelled", or nil as long as it goes on
function remote.read(part, batch)
  local status = text_of(batch.status)
  part.status = status and status:lower() or part.status
  part.id = text_of(batch.id) or part.id
  part.completed, part.failed = count_of(batch, "completed"), count_of(batch, "failed")
  part.problem = problem_of(batch.errors)
  part.output_file, part.error_file = text_of(batch.output_file_id), text_of(batch.error_file_id)
  return ENDED[part.status]
end

-- Finds a member in a list of several pages. Returns it, false where there is none, or nil and an
-- error.
local function find(list, settings, accepts)
  local query = { limit = PAGE }
  for _ = 1, MOST_PAGES do
    local page, err = list(query, settings)
    if not page then return nil, err end
    for _, member in ipairs(page.data) do
      if type(member) == "table" and accepts(member) then return member end
    end
    local last = text_of(page.last_id)
    if page.has_more ~= true or not last or last == query.after then break end
    query = { limit = PAGE, after = last }
  end
  return false
end

-- Is a call that failed known to have had no effect? After 408 the server may have begun.
local function has_no_effect(err)
  local status = err.status
  return err.kind == "config" or err.phase == "connect"
    or status ~= nil and status >= 400 and status < 500 and status ~= 408
end

--- Uploads the file of a part.
---@param part novita.BatchPart
---@param path string
---@param settings novita.Settings
---@param on_progress? fun(done: integer, total: integer?): boolean?
---@return string? id nil on failure
---@return novita.Error? err
function remote.upload(part, path, settings, on_progress)
  local file, err = files.upload({
    path = path, filename = part.name, type = "application/jsonl", on_progress = on_progress,
  }, settings)
  if not file then return nil, err end
  if text_of(file.id) then return file.id end
  return nil, core.error {
    kind = "invalid_response", message = "the response can't be used: the file has no id",
  }
end

--- Deletes the file that a part may have at the server without knowing its id. A file costs
--- nothing, and the server deletes it after some days, so failure does not count.
---@param part novita.BatchPart
---@param settings novita.Settings
function remote.forget(part, settings)
  local file = find(files.list, settings, function(member) return member.filename == part.name end)
  if file and text_of(file.id) then files.delete(file.id, settings) end
end

-- The same settings without the user's rule for retries: it would not know that another attempt
-- may create a second batch.
local function without_rule(settings)
  local policy = tables.merged(settings.retry)
  policy.when = nil
  return setmetatable({ retry = policy }, { __index = settings })
end

--- Makes a batch of the file of a part, unless there is one.
---@param part novita.BatchPart with its file
---@param given { endpoint: string, completion_window: string? }
---@param settings novita.Settings
---@param is_known boolean may it have been made before?
---@return novita.ApiBatch? batch nil on failure
---@return novita.Error? err
---@return boolean? is_open may it have been made all the same?
function remote.create(part, given, settings, is_known)
  local function look()
    return find(batches.list, settings, function(member)
      return member.input_file_id == part.file
    end)
  end
  local batch, err = false, nil
  if is_known then batch, err = look() end
  if batch == nil then return nil, err, true end
  if batch then return batch end
  batch, err = batches.create({
    input_file_id = part.file, endpoint = given.endpoint,
    completion_window = given.completion_window,
  }, without_rule(settings))
  if batch and text_of(batch.id) then return batch end
  err = err or core.error {
    kind = "invalid_response", message = "the response can't be used: the batch has no id",
  }
  if has_no_effect(err) then return nil, err, false end
  return look() or nil, err, true
end

--- Asks how the batch of a part stands, and writes that into the part.
---@param part novita.BatchPart
---@param settings novita.Settings
---@return boolean? asked nil on failure
---@return string|novita.Error|nil ended as from remote.read
function remote.refresh(part, settings)
  local batch, err = batches.get(part.id, settings)
  if not batch then return nil, err end
  return true, remote.read(part, batch)
end

--- Downloads a file of results.
---@param id string
---@param path string
---@param settings novita.Settings
---@return string? path nil on failure
---@return novita.Error? err
function remote.download(id, path, settings)
  return files.content({ id = id, save_to = path }, settings)
end

--- Returns the path of a file for what goes to the server or comes from it.
---@param batch novita.Batch
---@param ending string
---@return string
function remote.scratch(batch, ending)
  local base = batch.fields.output or batch.fields.input
  return base and base .. ending or os.tmpname()
end

--- Calls fn and removes a file afterwards, whatever comes of it.
---@param path string
---@param fn fun(): any, any
---@return any, any
function remote.with_file(path, fn)
  local ok, value, err = compat.pcall(fn)
  os.remove(path)
  if not ok then error(value, 0) end
  return value, err
end

return remote
