--- Requests as the bytes of their bodies: written now, sent later, and again with the same bytes.
---
--- The body of a chat is a fixed point: prepared.chat of what core.decode reads in it is the body
--- again. So equal requests have equal bodies, and a body may stand for its request in a hash. Only
--- null as a member of an object is not read back: it is sent, and absent from what is decoded.

local attempt = require("novita.call.attempt")
local call = require("novita.call")
local core = require("novita.core")
local estimator = require("novita.limit.estimator")
local request = require("novita.call.request")
local structured = require("novita.call.structured")
local tables = require("novita.tables")

local prepared = {}

-- The same request for a whole answer. A `stream` that is neither true nor false stays, and is
-- refused as in any chat.
local function unstreamed(filled)
  local stream = filled.stream
  if stream ~= nil and type(stream) ~= "boolean" then return filled end
  if stream == nil and filled.stream_options == nil then return filled end
  local whole = tables.merged(filled)
  whole.stream, whole.stream_options = nil, nil
  return whole
end

--- Writes the body of a chat: completed by the defaults, filled with the variables, checked and
--- converted as novita.chat does it, without `stream` and `stream_options`.
---@param given novita.Request
---@param settings novita.Settings
---@return string? body JSON; nil on failure
---@return novita.Error? err kind config: the field, and what is wrong with it
function prepared.chat(given, settings)
  local policy = settings.policy
  local filled, err = call.fill(call.complete(given, policy), policy.vars)
  if not filled then return nil, err end
  return core.body(unstreamed(filled))
end

-- Returns what limits count: the request, if it has a prompt.
local function counted(body, policy)
  local content = policy.limit and core.decode(body)
  return type(content) == "table" and estimator.has_prompt(content) and content or nil
end

-- The response_format of a body.
local function format_of(body)
  local content = core.decode(body)
  return type(content) == "table" and content.response_format or nil
end

--- Sends a body and returns what a call of its endpoint returns. Retry, limits (by the tokens of
--- the body), deadline, log and tasks are those of any call; a chat is never streamed.
---@param body string
---@param settings novita.Settings
---@param path? string default: that of chats
---@return novita.Reply|table|nil reply of a chat as from novita.chat, else the decoded JSON; nil
---  on failure
---@return novita.Info|novita.Error info
function prepared.send(body, settings, path)
  local sent = {
    path = path or "/chat/completions", method = "POST", body = body,
    answer = path and "json" or "chat", content = counted(body, settings.policy),
  }
  if path then return request.send(sent, settings) end
  if not settings.policy.parse then
    return call.perform(settings, "request", sent, attempt.whole)
  end
  return structured.chat(settings, format_of(body), function(own)
    return call.perform(own, "request", sent, attempt.whole)
  end)
end

return prepared
