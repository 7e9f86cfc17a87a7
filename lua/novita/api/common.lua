--- Shared by the endpoints: checks of requests, errors of answers, paths and lists.

local core = require("novita.core")
local config_error = require("novita.error_hint").config_error
local misuse = require("novita.misuse")
local request = require("novita.call.request")
local tables = require("novita.tables")

local common = {}

--- Returns nil and a config error.
---@param param string the field
---@param message string
---@return nil, novita.Error
function common.config(param, message)
  return nil, config_error(param, message)
end

--- Returns nil and an error of kind invalid_response.
---@param info novita.Info
---@param why string
---@return nil, novita.Error
function common.invalid_response(info, why)
  return nil, core.error {
    kind = "invalid_response", status = info.status, request_id = info.request_id,
    attempts = info.attempts, message = "the response can't be used: " .. why,
  }
end

--- Copies a request; raises if it is no table.
---@param given table
---@return table
function common.copy(given)
  if type(given) ~= "table" then misuse.expected("request", "a table", given) end
  return tables.merged(given)
end

--- Returns the error of the first missing field, or nil.
---@param given table
---@param names string[]
---@return novita.Error?
function common.missing(given, names)
  for _, name in ipairs(names) do
    if given[name] == nil then return select(2, common.config(name, "is missing")) end
  end
end

--- Returns the path of a resource, or nil and an error for a bad id.
---@param folder string "/files"
---@param id any
---@param tail? string what follows
---@return string? path
---@return novita.Error? err
function common.path(folder, id, tail)
  if type(id) ~= "string" or id == "" or id == "." or id == ".." then -- segments that are removed
    return common.config("id", misuse.shown(id) .. " is not an id")
  end
  local escaped = id:gsub("[^%w%-._~]", function(char)
    return ("%%%02X"):format(char:byte())
  end)
  return folder .. "/" .. escaped .. (tail or "")
end

--- Requests one resource.
---@param method string
---@param settings novita.Settings
---@param path? string
---@param err? novita.Error where there is no path
---@return table? answer
---@return novita.Info|novita.Error info
function common.one(method, settings, path, err)
  if not path then return nil, err end
  return request.send({ method = method, path = path, answer = "json" }, settings)
end

--- Requests a list.
---@param path string
---@param query? table names and values for the URL, over those of the options
---@param settings novita.Settings
---@return table? answer with data
---@return novita.Info|novita.Error info
function common.list(path, query, settings)
  if query ~= nil then
    local whole = tables.merged(settings.wire.query or {}, common.copy(query))
    local wire = tables.merged(settings.wire, { query = whole })
    settings = setmetatable({ wire = wire }, { __index = settings })
  end
  local answer, info = request.send({ path = path, answer = "json" }, settings)
  if not answer then return nil, info end
  if type(answer) ~= "table" or type(answer.data) ~= "table" then
    return common.invalid_response(info, "no list in data")
  end
  return answer, info
end

return common
