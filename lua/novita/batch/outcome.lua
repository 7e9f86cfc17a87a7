--- The outcome of a call, as it is stored.

local compat = require("novita.compat")
local core = require("novita.core")
local prices = require("novita.batch.prices")
local retry = require("novita.retry")

local outcome = {}

---@class novita.BatchOutcome
---@field n integer the number of the call in its store
---@field owner? string who claimed it, where several processes do
---@field state "done"|"failed"|"waiting"|"sent" waiting: it was not made, and is to be; sent: it
---  was broken off, and may have been paid for
---@field attempts integer
---@field doubts? integer attempts whose answer was lost, which may have been paid for
---@field resent? integer those of them after which another was made
---@field status? integer
---@field request_id? string
---@field prompt_tokens? integer
---@field completion_tokens? integer
---@field usd? number
---@field error? string JSON: kind, message, code, reason
---@field answer? string the bytes that the server sent
---@field abort? string the kind of error that stops the batch
---@field problem? any what a function of the user's raised

--- Formats what a function of the user's has raised, or given as a reason. Never raises.
---@param value any
---@return string
function outcome.text(value)
  local ok, text = compat.pcall(function()
    if type(value) ~= "table" or (getmetatable(value) or {}).__tostring then
      return tostring(value)
    end
    return type(value.message) == "string" and value.message or core.encode(value)
  end)
  return ok and type(text) == "string" and text or "a " .. type(value)
end

-- The error of an answer that the user's function refuses, or raises for.
local function refused(message)
  return { kind = "invalid_response", reason = "check", message = message }
end

-- Asks the user's function for its view of an answer. What it raises stops the batch, but the
-- answer has been paid for and is kept.
local function check(fn, reply, claim, result)
  local ok, good, reason = compat.pcall(fn, reply, claim.id)
  if not ok then
    result.problem = good == nil and "check raised nil" or good
    return refused("check raised: " .. outcome.text(good))
  end
  if good then return nil end
  return refused("check: " .. (reason == nil and "the answer is bad" or outcome.text(reason)))
end

local function text_of(err)
  local fields = { kind = err.kind, message = err.message, code = err.code, reason = err.reason }
  local text = core.encode(fields)
  if text then return text end
  fields.message = tostring(err.message):gsub("[\128-\255]+", "?") -- bytes of the system's
  fields.code, fields.reason = nil, nil
  return core.encode(fields)
end

-- Can the server have worked for a call that was cancelled?
local function is_underway(err)
  return err.phase ~= nil and err.phase ~= "connect" or #(err.attempts or {}) > 1
end

-- Has the server the request, and may have worked for an attempt that failed so?
local function is_doubtful(err)
  return (err.kind == "timeout" or err.kind == "connection")
    and err.phase ~= nil and err.phase ~= "connect"
end

-- Counts the attempts whose answer was lost, and those of them after which another was made.
local function add_doubts(result, attempts, last)
  for index, entry in ipairs(attempts) do
    local err = type(entry) == "table" and entry.error or index == #attempts and last
    if err and is_doubtful(err) then
      result.doubts = result.doubts + 1
      if index < #attempts then result.resent = result.resent + 1 end
    end
  end
end

local function add_usage(result, reply, price)
  local usage = type(reply) == "table" and reply.usage
  result.prompt_tokens, result.completion_tokens = prices.tokens(usage)
  result.usd = price and prices.cost(price, usage)
end

-- Adds the usage that an answer does not name, or that stands in one which can't be read, for a
-- budget: the most that was set aside for it.
local function complete_usage(result, claim, price)
  if result.prompt_tokens and result.completion_tokens then return end
  add_usage(result, { usage = {
    prompt_tokens = result.prompt_tokens or claim.prompt,
    completion_tokens = result.completion_tokens or claim.completion,
  } }, price)
end

-- The kind of an error that concerns all rows, if it is one of those that stop the batch.
local function abort_kind(err, abort_on)
  for _, kind in ipairs(abort_on) do
    local is_kind = err.kind == kind and err.param ~= "input" -- which is of its row alone
    if is_kind or kind == "balance" and retry.quota_exhausted(err) then return kind end
  end
end

local function fail(result, err, abort_on)
  result.abort = abort_kind(err, abort_on)
  if result.abort then
    result.state = "waiting"
  elseif err.kind == "cancelled" then
    result.state = is_underway(err) and "sent" or "waiting"
  else
    result.state, result.error = "failed", text_of(err)
  end
  return result
end

--- Returns the outcome of a call.
---@param claim novita.BatchClaim
---@param reply table? nil on failure
---@param info novita.Info|novita.Error
---@param batch table abort_on, and check if there is one
---@param price novita.batch.Price?
---@return novita.BatchOutcome
function outcome.of(claim, reply, info, batch, price)
  local result = {
    n = claim.n, owner = claim.owner, state = "done", attempts = #(info.attempts or {}),
    status = info.status, request_id = info.request_id, answer = info.body, doubts = 0, resent = 0,
  }
  if not reply or result.attempts > 1 then
    add_doubts(result, info.attempts or { {} }, not reply and info)
  end
  add_usage(result, reply or info.reply or info.partial, price)
  if batch.budget and (reply or info.kind == "invalid_response") then
    complete_usage(result, claim, price)
  end
  if not reply then return fail(result, info, batch.abort_on) end
  local err = batch.check and check(batch.check, reply, claim, result)
  if err then result.state, result.error = "failed", text_of(err) end
  return result
end

return outcome
