--- /files: the input and output of batches.

local common = require("novita.api.common")
local request = require("novita.call.request")

local files = {}

---@class novita.ApiFile
---@field id string
---@field bytes? integer
---@field filename? string
---@field purpose? string

---@class novita.PlainFiles
---@field upload fun(file: novita.Upload, options?: novita.Options): any, any
---@field list fun(query?: table, options?: novita.Options): any, any
---@field get fun(id: string, options?: novita.Options): any, any
---@field content fun(what: string|table, options?: novita.Options): any, any
---@field delete fun(id: string, options?: novita.Options): any, any

---@class novita.Files
---@field upload fun(self: novita.Files, file: novita.Upload, options?: novita.Options): any, any
---@field list fun(self: novita.Files, query?: table, options?: novita.Options): any, any
---@field get fun(self: novita.Files, id: string, options?: novita.Options): any, any
---@field content fun(self: novita.Files, what: string|table, options?: novita.Options): any, any
---@field delete fun(self: novita.Files, id: string, options?: novita.Options): any, any

---@class novita
---@field files novita.PlainFiles

---@class novita.Client
---@field files novita.Files

local OF_A_FILE = { "path", "bytes", "filename", "type" }

---@class novita.Upload
---@field path? string of the file
---@field bytes? string in place of it
---@field filename? string
---@field type? string
---@field purpose? string "batch" by default
---@field on_progress? fun(done: integer, total: integer?): boolean?

--- Uploads a file from the disk or from memory; `purpose` is "batch" by default.
---@param given novita.Upload
---@param settings novita.Settings
---@return novita.ApiFile? file
---@return novita.Info|novita.Error info
function files.upload(given, settings)
  local body = common.copy(given)
  local file, on_progress = {}, body.on_progress
  for _, name in ipairs(OF_A_FILE) do file[name], body[name] = body[name], nil end
  body.on_progress, body.purpose = nil, body.purpose or "batch"
  local whole = request.checked {
    path = "/files", body = body, files = { file = file }, on_progress = on_progress,
  }
  whole.answer = "json"
  return request.send(whole, settings)
end

--- Lists files: uploaded ones and the output of batches.
---@param query? table names and values for the URL
---@param settings novita.Settings
---@return table? answer with data, a list
---@return novita.Info|novita.Error info
function files.list(query, settings)
  return common.list("/files", query, settings)
end

--- Returns the description of a file.
---@param id string
---@param settings novita.Settings
---@return novita.ApiFile? file
---@return novita.Info|novita.Error info
function files.get(id, settings)
  return common.one("GET", settings, common.path("/files", id))
end

--- Downloads a file: returns its text, or with `save_to` the path it was saved to.
---@param what string|{ id: string, save_to: string?, on_progress: function? }
---@param settings novita.Settings
---@return string? content
---@return novita.Info|novita.Error info
function files.content(what, settings)
  local given = type(what) == "table" and what or { id = what }
  local path, err = common.path("/files", given.id, "/content")
  if not path then return nil, err end
  local whole = request.checked {
    path = path, save_to = given.save_to, on_progress = given.on_progress,
  }
  whole.answer = "text" -- also of one line of JSON
  return request.send(whole, settings)
end

--- Deletes a file.
---@param id string
---@param settings novita.Settings
---@return table? answer with deleted
---@return novita.Info|novita.Error info
function files.delete(id, settings)
  return common.one("DELETE", settings, common.path("/files", id))
end

return files
