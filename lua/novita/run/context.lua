--- Keeps a request within max_context: leaves out the oldest turns, always whole.
---
--- A turn begins at each user message, so a tool call and its result stay together. The newest turn
--- and system messages are always kept.

local estimator = require("novita.limit.estimator")

local context = {}

local STAYS = { system = true, developer = true }

local function role_of(message)
  return type(message) == "table" and message.role or nil
end

-- Returns the positions at which turns begin.
local function starts_of(messages)
  local starts = { 1 }
  for index = 2, #messages do
    if role_of(messages[index]) == "user" then starts[#starts + 1] = index end
  end
  return starts
end

-- Returns the estimated tokens of a turn's messages.
local function weight_of(messages, from, to)
  local sum = 0
  for index = from, to do
    if not STAYS[role_of(messages[index])] then sum = sum + estimator.weigh(messages[index]) end
  end
  return sum
end

local function newest(messages, from)
  local kept = {}
  for index, message in ipairs(messages) do
    if index >= from or STAYS[role_of(message)] then kept[#kept + 1] = message end
  end
  return kept
end

--- Returns the newest messages that fit, by the estimate of the limits: the prompt, and
--- max_tokens (else 1024) for the answer.
---@param request novita.Request with all its messages
---@param most? integer|false tokens
---@return novita.Message[]
function context.fit(request, most)
  local messages = request.messages
  local over = most and estimator.estimate(request) - most or 0
  if over <= 0 then return messages end
  local starts = starts_of(messages)
  local turn = 1
  while over > 0 and turn < #starts do
    over = over - weight_of(messages, starts[turn], starts[turn + 1] - 1)
    turn = turn + 1
  end
  return newest(messages, starts[turn])
end

return context
