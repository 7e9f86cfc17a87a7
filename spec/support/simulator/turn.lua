-- One chat turn: what the model says, cut to what the request allows, with its usage counted.
--
-- A turn is { id, model, created, choices = { { message..., finish_reason } }, usage }, the common
-- ground of completion.lua and stream.lua. A script's `answer` is laid over it here.
-- luacheck: std lua54

local digest = require("openssl.digest")

local json = require("spec.support.simulator.json")
local mind = require("spec.support.simulator.model")
local tokens = require("spec.support.simulator.tokens")

local CREATED = 1764303147

local turn = {}

local function fingerprint(raw)
  return (digest.new("md5"):final(raw):gsub(".", function(char)
    return string.format("%02x", char:byte())
  end))
end

-- Novita leaves the stop sequence in the text; returns where the first one ends.
local function stop_at(text, stop)
  local first
  for _, mark in ipairs(type(stop) == "table" and stop or { stop }) do
    local last = type(mark) == "string" and mark ~= "" and select(2, text:find(mark, 1, true))
    if last and (not first or last < first) then first = last end
  end
  return first
end

-- Cuts reasoning first, then content: both count against max_tokens.
local function limit(choice, body)
  local stop = choice.content and stop_at(choice.content, body.stop)
  if stop then choice.content = choice.content:sub(1, stop) end
  local left, over = body.max_tokens, false
  if not left then return end
  if choice.reasoning then
    choice.reasoning, over = tokens.cut(choice.reasoning, left)
    left = left - tokens.count(choice.reasoning)
  end
  local cut_content
  if choice.content then choice.content, cut_content = tokens.cut(choice.content, left) end
  if over or cut_content then choice.finish_reason = "length" end
end

local function make_choice(reply, body, index)
  local choice = {
    index = index, reasoning = reply.reasoning, content = reply.content, calls = reply.calls,
    finish_reason = "stop", extra = {},
  }
  if #choice.calls > 0 then choice.finish_reason = "tool_calls" end
  limit(choice, body)
  return choice
end

-- A script's answer for one choice. Members: content, reasoning_content, tool_calls, finish_reason;
-- whatever is in `message` goes into the message as it is. False removes a member.
local function overlay(choice, given)
  if given.content ~= nil then choice.content = given.content end
  if given.reasoning_content ~= nil then choice.reasoning = given.reasoning_content end
  if given.finish_reason ~= nil then choice.finish_reason = given.finish_reason end
  choice.extra = given.message or choice.extra
  if not given.tool_calls then return end
  choice.calls = given.tool_calls
  if given.content == nil then choice.content = nil end
  if given.finish_reason == nil then choice.finish_reason = "tool_calls" end
  for index, call in ipairs(choice.calls) do
    call.id = call.id or string.format("call_%02d_%s", index - 1, call.name)
    if type(call.arguments) == "table" then call.arguments = json.encode(call.arguments) end
  end
end

local function text_count(text)
  return type(text) == "string" and tokens.count(text) or 0
end

local function count_usage(choices, prompt)
  local completion, reasoning = 0, 0
  for _, choice in ipairs(choices) do
    reasoning = reasoning + text_count(choice.reasoning)
    completion = completion + text_count(choice.reasoning) + text_count(choice.content)
    for _, call in ipairs(choice.calls) do
      completion = completion + text_count(call.name) + text_count(call.arguments)
    end
  end
  return turn.usage(prompt, completion, reasoning)
end

--- A usage object as Novita writes it.
function turn.usage(prompt, completion, reasoning)
  return {
    prompt_tokens = prompt, completion_tokens = completion, total_tokens = prompt + completion,
    prompt_tokens_details = { audio_tokens = 0, cached_tokens = 0 },
    completion_tokens_details = { audio_tokens = 0, reasoning_tokens = reasoning },
  }
end

--- Plays one turn.
---@param body table the decoded request
---@param model table from the catalog
---@param raw string the request as it came
---@param given? table a script's `answer`
function turn.play(body, model, raw, given)
  given = given or {}
  local played = {
    id = given.id or fingerprint(raw), model = given.model or model.id, created = CREATED,
    choices = {}, extra = given.extra or {}, ways = model,
  }
  local reply = mind.answer(body, model, raw)
  for index = 1, math.max(body.n or 1, #(given.choices or {})) do
    local choice = make_choice(reply, body, index - 1)
    overlay(choice, given.choices and given.choices[index] or given)
    played.choices[index] = choice
  end
  played.usage = count_usage(played.choices, mind.prompt_tokens(body))
  played.tokens = played.usage.total_tokens
  if given.usage == false then played.usage = nil end
  for name, value in pairs(given.usage or {}) do played.usage[name] = value end
  return played
end

return turn
