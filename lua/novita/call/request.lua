--- Requests to any endpoint.
---
--- This builds the body, JSON or a multipart form, and reports progress; retry, limits, time-outs,
--- errors, logs and tasks are those of every call.

local attempt = require("novita.call.attempt")
local call = require("novita.call")
local compat = require("novita.compat")
local core = require("novita.core")
local config_error = require("novita.error_hint").config_error
local misuse = require("novita.misuse")
local rule = require("novita.rule")
local estimator = require("novita.limit.estimator")

local request = {}

---@class novita.AnyRequest
---@field path string below the base URL: "/embeddings"
---@field method? string default: POST with a body or files, else GET
---@field body? table|string JSON, or a text as it is; with files, the other fields of the form
---@field query? table<string, string|number|boolean> over that of the options
---@field headers? table<string, string|number|false> over those of the options
---@field files? table<string, novita.File> a multipart form; files are read while they are sent
---@field stream? boolean true: the answer is an event stream
---@field save_to? string the file that the answer goes to; it is there when it is whole
---@field on_progress? fun(done: integer, total: integer?): boolean? bytes of the files, or of the
---  answer; false stops the call

---@class novita.File
---@field path? string of a file
---@field bytes? string in place of it
---@field filename? string what to call it; default: the name of the file, or of the field
---@field type? string its media type; default: by its name

local a_string = {
  expected = "a string",
  accepts = function(value) return type(value) == "string" end,
}

local RULES = {
  path = a_string, method = a_string, save_to = a_string,
  query = rule.pairs, headers = rule.pairs, files = rule.table,
  stream = rule.boolean, on_progress = rule.callable,
  body = {
    expected = "a table or a string",
    accepts = function(value) return type(value) == "table" or type(value) == "string" end,
  },
}

local FILE_RULES = { path = a_string, bytes = a_string, filename = a_string, type = a_string }

local function config(param, message)
  return nil, config_error(param, message)
end

-- Forms -----------------------------------------------------------------------------------------

local function sorted_names(values)
  local names = {}
  for name in compat.each(values) do
    if type(name) ~= "string" then misuse.expected("request.files", "names of fields", name) end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- Adds the fields of the body; what is no text is sent as JSON.
local function add_fields(form, body)
  for _, name in ipairs(sorted_names(body)) do
    local value = body[name]
    if type(value) ~= "string" then
      local text, err = core.encode(value)
      if not text then return config("body." .. name, err.message) end
      value = text
    end
    form[#form + 1] = { name = name, bytes = value }
  end
  return form
end

local function add_files(form, files)
  for _, name in ipairs(sorted_names(files)) do
    local file = files[name]
    rule.check("request.files." .. name, file, FILE_RULES)
    if (file.path == nil) == (file.bytes == nil) then
      return config("files." .. name, "has neither or both of path and bytes")
    end
    form[#form + 1] = {
      name = name, path = file.path, bytes = file.bytes, type = file.type,
      filename = file.filename or file.bytes and name or nil,
    }
  end
  return form
end

-- Requests of the pool --------------------------------------------------------------------------

-- Sets the text of the body, or the form.
local function set_body(sent, given)
  local err
  if given.files then
    if type(given.body) == "string" then
      return config("body", "is a text, where a form has fields")
    end
    sent.form, err = add_fields({}, given.body or {})
    if sent.form then sent.form, err = add_files(sent.form, given.files) end
  elseif type(given.body) == "table" then
    if estimator.has_prompt(given.body) then sent.content = given.body end -- for limits to count
    sent.body, err = core.encode(given.body)
  else
    sent.body = given.body
  end
  if err then return nil, err end
  return sent
end

local function build(given)
  if given.stream and given.save_to then return config("save_to", "is not for a stream") end
  local path = given.path
  if not path then return config("path", "is missing") end
  if not path:find("^/[^%c ]*$") then
    local shown = misuse.shown((path:gsub("%?.*", "?...")))
    return config("path", shown .. " does not begin with /, or has a blank in it")
  end
  local method = given.method or ((given.body or given.files) and "POST" or "GET")
  if not method:find("^%u+$") then
    return config("method", misuse.shown(method) .. " is not in capitals")
  end
  return set_body({
    path = path, method = method, stream = given.stream, save_to = given.save_to,
    answer = given.answer or "type", public = given.public, accumulator = given.accumulator,
    content = given.content, on_progress = given.on_progress, uploads = given.files ~= nil,
  }, given)
end

-- Progress --------------------------------------------------------------------------------------

-- Calls on_progress if more bytes went through; its false cancels the transfer.
local function report(transfer, sent, last)
  local done, total, received, of = transfer:progress()
  if not sent.uploads then done, total = received, of end
  if done == last then return last end
  local ok, result = compat.pcall(sent.on_progress, done, total > 0 and total or nil)
  if not ok then
    transfer:close()
    error(result, 0)
  end
  if result == false then transfer:cancel() end
  return done
end

local function with_progress(loop, transfer, sent)
  local done = report(transfer, sent, 0)
  local value, info = transfer:reply()
  while value == nil and info == nil do
    loop.wait(transfer)
    done = report(transfer, sent, done)
    value, info = transfer:reply()
  end
  return value, info
end

--- Sends a request and returns its answer.
---@param given novita.AnyRequest checked
---@param settings novita.Settings
---@return table|string|novita.Stream|nil answer the decoded JSON, the text, the path of save_to, or
---  the stream; nil on failure
---@return novita.Info|novita.Error info
function request.send(given, settings)
  local sent, err = build(given)
  if not sent then return nil, err end
  if not given.stream then
    local await = sent.on_progress and with_progress or attempt.whole
    return call.perform(settings, "request", sent, await)
  end
  sent.accumulator = sent.accumulator or require("novita.stream.event_accumulator").new
  local stream
  stream, err = call.perform(settings, "request", sent, attempt.headers)
  if not stream then return nil, err end
  return stream
end

--- Returns a request of the caller's; raises if a field is unknown or of a wrong type.
---@param given any
---@return novita.AnyRequest
function request.checked(given)
  rule.check("request", given, RULES)
  return given
end

return request
