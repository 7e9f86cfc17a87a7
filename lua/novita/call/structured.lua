--- Structured answers: decodes an answer as JSON and validates it against the request's schema.

local attempt = require("novita.call.attempt")
local core = require("novita.core")
local json_schema = require("novita.call.json_schema")
require("novita.reply")

local parse = {}

-- Returns the schema in a request's response_format, in the short form or in that of the API.
local function schema_of(format)
  if type(format) ~= "table" then return nil end
  local inner = type(format.json_schema) == "table" and format.json_schema or {}
  return format.type == nil and format.schema or inner.schema
end

local function misfit(reply, problem, path)
  local place = path ~= "" and path .. ": " or ""
  return core.error {
    kind = "invalid_response", param = path ~= "" and path or nil, partial = reply,
    message = ("the answer does not match the schema: %s%s"):format(place, problem),
  }
end

-- Does the first choice call tools? Then it is not an answer.
local function calls_tools(reply)
  local choice = type(reply.choices) == "table" and reply.choices[1] or {}
  local calls = type(choice.message) == "table" and choice.message.tool_calls
  return type(calls) == "table" and calls[1] ~= nil
end

--- Decodes an answer into reply.parsed, which is nil for a refusal, an empty answer or tool calls.
--- With a schema in response_format the value must match it.
---@param reply novita.Reply
---@param format any the request's response_format
---@return novita.Error? err of the kinds of reply:json()
function parse.read(reply, format)
  if calls_tools(reply) then return nil end
  local value, err = reply:json()
  if err then return err end
  local node = value ~= nil and schema_of(format)
  if type(node) == "table" then
    local problem, path = json_schema.problem(value, node)
    if problem then return misfit(reply, problem, path) end
  end
  reply.parsed = value
  return nil
end

--- Completes the error of an answer with the fields of its exchange.
---@param err novita.Error
---@param info novita.Info|novita.Error
---@return novita.Error
function parse.complete(err, info)
  err.status, err.request_id, err.attempts = info.status, info.request_id, info.attempts
  return err
end

-- Returns the error of the call: that of the last answer, with the reason of retry_if if that
-- rejected it.
local function fail(settings, err, info)
  parse.complete(err, info)
  err.reason, err.reply = info.reason, info.reply
  local log = settings.policy.log
  if log and not info.reply then
    attempt.log({ log = log, method = "chat" }, "error",
      { event = "failure", attempts = #err.attempts }, nil, err)
  end
  return nil, err
end

--- Makes a call whose answer is decoded. retry_if receives what is wrong with the answer.
---@param settings novita.Settings
---@param format any the request's response_format
---@param perform fun(settings: novita.Settings): novita.Reply?, novita.Info|novita.Error
---@return novita.Reply?, novita.Info|novita.Error
function parse.chat(settings, format, perform)
  local policy, problem = settings.retry, nil
  local own = setmetatable({}, { __index = policy })
  function own.retry_if(reply)
    problem = parse.read(reply, format)
    return policy.retry_if and policy.retry_if(reply, problem)
  end
  local reply, info = perform(setmetatable({ retry = own }, { __index = settings }))
  if problem and (reply or info.reply) then return fail(settings, problem, info) end
  return reply, info
end

return parse
