--- Lines of results, as the files of the Batch API have them. The page shows those of the output;
--- those of the error file are known from no source, so several shapes are read.

local core = require("novita.core")
local next = require("novita.compat").next
local slice = require("novita.batch.slice")

local results = {}

local KINDS = {
  [400] = "bad_request", [401] = "authentication", [403] = "permission", [404] = "not_found",
  [409] = "conflict", [413] = "request_too_large", [422] = "unprocessable", [429] = "rate_limit",
}

---@class novita.BatchLine
---@field id string custom_id
---@field status? integer
---@field request_id? string
---@field body? table what was answered
---@field bytes? string those of the body, as they are in the file
---@field err? novita.Error nil for a success

local function table_of(value) return type(value) == "table" and value or {} end

local function text_of(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function kind_of(status)
  return KINDS[status] or status and status >= 500 and "server"
    or status and status >= 400 and "api_status" or "api_error"
end

-- The text, code and reason of an error in any of its shapes: a text, a table, a table in a table.
local function read_error(value)
  if type(value) ~= "table" then return { message = text_of(value) } end
  if type(value.error) == "table" then return read_error(value.error) end
  return {
    message = text_of(value.message) or text_of(value.error), code = value.code,
    reason = text_of(value.reason),
  }
end

-- An empty text or table in place of null is no error.
local function is_error(value)
  return type(value) == "table" and next(value) ~= nil or text_of(value) ~= nil
end

local function error_of(line, status, body)
  local found = is_error(line.error) and read_error(line.error) or read_error(body)
  if not found.message and body == nil then found = read_error(line) end
  local code = found.code
  status = status or tonumber(code)
  return core.error {
    kind = kind_of(status), status = status, reason = found.reason,
    code = (type(code) == "string" or type(code) == "number") and code or nil,
    message = found.message or "the server names no error",
  }
end

-- Does an answer of this endpoint hold what it is for?
local function is_answer(body, is_chat)
  if type(body) ~= "table" then return false end
  return not is_chat or type(body.choices) == "table" and body.choices[1] ~= nil
end

--- Reads a line.
---@param text string
---@param is_chat boolean
---@return novita.BatchLine? line nil where it can't be read
function results.read(text, is_chat)
  local line = table_of((core.decode(text)))
  local id = line.custom_id
  if type(id) == "number" then id = ("%.14g"):format(id) end
  if not text_of(id) then return nil end
  local response = table_of(line.response)
  local status, body = tonumber(response.status_code), response.body
  local found = { id = id, status = status, request_id = text_of(response.request_id) }
  if body ~= nil then
    found.body = body
    found.bytes = slice.member(slice.member(text, "response"), "body")
  end
  local is_success = not is_error(line.error) and (not status or status >= 200 and status < 300)
  if is_success and is_answer(body, is_chat) then return found end
  if is_success and body ~= nil then
    found.err = core.error { kind = "invalid_response", status = status,
      message = "the response can't be used: no answer in it" }
  else
    found.err = error_of(line, status, body)
  end
  found.status = found.err.status
  return found
end

return results
