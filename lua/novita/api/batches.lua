--- /batches: many requests in one file, processed asynchronously at a lower price.

local common = require("novita.api.common")
local request = require("novita.call.request")
local tables = require("novita.tables")

local batches = {}

---@class novita.ApiBatch
---@field id string
---@field status string "validating", "PROGRESS", "COMPLETED" ...: servers differ in case
---@field input_file_id string
---@field output_file_id? string
---@field error_file_id? string

---@class novita.PlainBatches
---@field create fun(request: table, options?: novita.Options): any, any
---@field get fun(id: string, options?: novita.Options): any, any
---@field list fun(query?: table, options?: novita.Options): any, any
---@field cancel fun(id: string, options?: novita.Options): any, any

---@class novita.Batches
---@field create fun(self: novita.Batches, request: table, options?: novita.Options): any, any
---@field get fun(self: novita.Batches, id: string, options?: novita.Options): any, any
---@field list fun(self: novita.Batches, query?: table, options?: novita.Options): any, any
---@field cancel fun(self: novita.Batches, id: string, options?: novita.Options): any, any

---@class novita
---@field batches novita.PlainBatches

---@class novita.Client
---@field batches novita.Batches

-- Returns whether the batch may exist although its answer was lost. Another attempt could then
-- create and charge a second one.
local function may_exist(err)
  return err.status ~= 429 and err.phase ~= "connect"
end

local function without_doubles(settings)
  local policy = tables.merged(settings.retry)
  local own = policy.when
  function policy.when(err, attempt)
    local wish = own and own(err, attempt)
    if wish == nil and may_exist(err) then return false end
    return wish
  end
  return setmetatable({ retry = policy }, { __index = settings })
end

--- Creates a batch of the requests in an uploaded file. It is retried only after a 429 or a failure
--- to connect, unless `when` of the retry policy decides otherwise.
---@param given { input_file_id: string, endpoint: string?, completion_window: string? } and more
---@param settings novita.Settings
---@return novita.ApiBatch? batch
---@return novita.Info|novita.Error info
function batches.create(given, settings)
  local body = common.copy(given)
  local err = common.missing(body, { "input_file_id" })
  if err then return nil, err end
  body.endpoint = body.endpoint or "/v1/chat/completions"
  local sent = { path = "/batches", body = body, answer = "json" }
  return request.send(sent, without_doubles(settings))
end

--- Returns the state of a batch.
---@param id string
---@param settings novita.Settings
---@return novita.ApiBatch? batch
---@return novita.Info|novita.Error info
function batches.get(id, settings)
  return common.one("GET", settings, common.path("/batches", id))
end

--- Lists the batches.
---@param query? table names and values for the URL: limit, after
---@param settings novita.Settings
---@return table? answer with data, a list
---@return novita.Info|novita.Error info
function batches.list(query, settings)
  return common.list("/batches", query, settings)
end

--- Cancels a batch; requests that were completed are delivered.
---@param id string
---@param settings novita.Settings
---@return novita.ApiBatch? batch
---@return novita.Info|novita.Error info
function batches.cancel(id, settings)
  return common.one("POST", settings, common.path("/batches", id, "/cancel"))
end

return batches
