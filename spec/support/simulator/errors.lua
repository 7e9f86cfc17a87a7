-- Error bodies in each of Novita's shapes.
--
-- A: the gateway's own { code, reason, message, metadata }. B: the flat relay of an engine's error,
-- its trace id inside the message. C: OpenAI's { error = {...} }. And bodies that are not JSON.
-- luacheck: std lua54

local json = require("spec.support.simulator.json")

local errors = {}

local TRACE = "374755e617bfb55305d9c970f697082c"

local REASONS = {
  [400] = { "INVALID_REQUEST_BODY", "invalid request body" },
  [401] = { "FAILED_TO_AUTH", "failed to authenticate API key" },
  [403] = { "ACCESS_DENY", "access denied" },
  [404] = { "MODEL_NOT_FOUND", "model not found" },
  [429] = { "RATE_LIMIT_EXCEEDED", "Too many requests, please try again later" },
  [500] = { "INTERNAL_ERROR", "internal error" },
  [503] = { "SERVICE_NOT_AVAILABLE", "service not available" },
}

local MESSAGES = {
  INVALID_API_KEY = "invalid api-key",
  NOT_ENOUGH_BALANCE = "not enough balance",
  TOKEN_LIMIT_EXCEEDED = "Token limit exceeded, please try again later",
}

local shapes = {}

function shapes.A(status, what)
  local usual = REASONS[status] or { "UNKNOWN", "unknown error" }
  local reason = what.reason or usual[1]
  return json.encode {
    code = what.code or status, reason = reason, metadata = what.metadata or {},
    message = what.message or MESSAGES[reason] or usual[2],
  }
end

function shapes.B(status, what)
  local kind = what.type or (status == 429 and "server_overload" or "invalid_request_error")
  local message = what.message
    or (status == 429 and "server overload, please try again later" or "invalid request error")
  return json.encode { message = message .. " trace_id: " .. TRACE, type = kind, code = what.code }
    .. "\n"
end

function shapes.C(status, what)
  return json.encode { error = {
    message = what.message or (REASONS[status] or { 0, "unknown error" })[2],
    type = what.type or "invalid_request_error",
    code = what.code or status, param = json.null,
  } }
end

function shapes.html(status)
  return string.format("<!DOCTYPE html>\n<html><head><title>%d</title></head>"
    .. "<body><center><h1>%d Bad Gateway</h1></center></body></html>\n", status, status)
end

function shapes.text(_, what)
  return what.message or "404 page not found"
end

function shapes.empty()
  return ""
end

local TYPES = { html = "text/html", text = "text/plain; charset=utf-8" }

--- The body of an error: shape "A" (the usual), "B", "C", "html", "text" or "empty".
---@param status integer
---@param what table? reason, message, type, code, metadata in place of the usual ones
---@param shape string?
---@return string body
function errors.body(status, what, shape)
  return shapes[shape or "A"](status, what or {})
end

--- The same as an answer.
function errors.answer(status, what, shape)
  return {
    status = status, content_type = TYPES[shape], pieces = { errors.body(status, what, shape) },
  }
end

return errors
