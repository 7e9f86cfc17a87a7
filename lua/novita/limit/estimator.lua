--- Estimates the tokens of a call by a heuristic that the real usage of earlier calls corrects.
--
-- There is no tokenizer: each model has its own, and the server's count comes with the answer.
-- Reserving the whole of max_tokens would be safe and slow: if answers are a tenth as long as
-- allowed, calls in flight reserve ten times what they use. So calls reserve the average real usage
-- and a margin for its errors.

local core = require("novita.core")
local each = require("novita.compat").each

local estimator = {}

local DEFAULT_COMPLETION = 1024 -- for a request without a maximum
local MEDIA_TOKENS = 1000
local DEPTH = 32 -- of nested tables that are counted
local WEIGHT = 1 / 32 -- of the newest call in the averages
local MARGIN = 3 -- mean errors

local MEDIA = { image_url = true, video_url = true, input_audio = true }

local PROMPT = {
  "system_prompt", "message", "messages", "tools", "response_format", -- of chats
  "prompt", "input", "query", "documents", -- of completions, embeddings and rerank
}

-- Fields of requests without a completion.
local READ_ONLY = { "input", "documents" }

-- Counts a token for four bytes of ASCII or three others: about one for a Chinese character.
local function weigh(value, depth)
  if type(value) == "string" then
    local ascii = core.ascii(value)
    return ascii / 4 + (#value - ascii) / 3
  end
  if type(value) ~= "table" or depth == 0 then return 1 end
  if MEDIA[value.type] then return MEDIA_TOKENS end
  local sum = 0
  for key, item in each(value) do
    sum = sum + weigh(item, depth - 1) + (type(key) == "string" and 1 or 0)
  end
  return sum
end

--- Estimates the tokens of a part of a request.
---@param value any a message, a list of them, a text
---@return number
function estimator.weigh(value)
  return weigh(value, DEPTH)
end

-- Returns the longest completion that a request allows.
local function longest(request)
  local most = tonumber(request.max_completion_tokens or request.max_tokens
    or request.max_output_tokens)
  if most then return most end
  for _, field in ipairs(READ_ONLY) do
    if request[field] ~= nil then return 0 end
  end
  return DEFAULT_COMPLETION
end

--- Returns whether a request has a prompt.
---@param request table
---@return boolean
function estimator.has_prompt(request)
  for _, field in ipairs(PROMPT) do
    if request[field] ~= nil then return true end
  end
  return false
end

--- Estimates the tokens of a request: its prompt, plus max_tokens (else 1024) for each of its n
--- choices. The error for English prose is about ten per cent.
---@param request table
---@return integer total
---@return integer prompt
function estimator.estimate(request)
  local prompt = 3
  for _, field in ipairs(PROMPT) do
    if request[field] ~= nil then prompt = prompt + weigh(request[field], DEPTH) end
  end
  prompt = math.ceil(prompt)
  local completion = longest(request) * (tonumber(request.n) or 1)
  return prompt + math.ceil(completion), prompt
end

--- Returns the tokens that a reply, whole or partial, reports as used, or nil.
---@param reply any
---@return integer?
function estimator.used(reply)
  local usage = type(reply) == "table" and reply.usage
  local total = type(usage) == "table" and usage.total_tokens
  return type(total) == "number" and total or nil
end

---@class novita.UsageHistory
local methods = {}
local mt = { __name = "novita.usage_history", __index = methods }

--- Makes an empty history, which expects what is estimated.
---@return novita.UsageHistory
function estimator.history()
  return setmetatable({}, mt)
end

--- Returns the tokens to reserve for a call: the average usage for its estimate, and a margin. The
--- errors of n calls in flight add up like the square root of n, so the margin of each gets
--- smaller. Where estimates are too high, it is never more than the estimate.
---@param estimate integer
---@param busy integer calls in flight
---@return integer
function methods:expect(estimate, busy)
  if not self.used then return estimate end
  local mean = estimate * self.used / self.estimated
  local margin = self.off * MARGIN / math.sqrt(math.max(busy, 1))
  return math.ceil(math.min(mean + margin, math.max(mean + self.off, estimate)))
end

--- Adds the real usage of a call to the averages.
---@param estimate integer
---@param used integer
function methods:learn(estimate, used)
  if estimate <= 0 then return end
  if not self.used then self.used, self.estimated, self.off = estimate, estimate, 0 end
  local off = math.abs(used - estimate * self.used / self.estimated)
  self.off = self.off + WEIGHT * (off - self.off)
  self.used = self.used + WEIGHT * (used - self.used)
  self.estimated = self.estimated + WEIGHT * (estimate - self.estimated)
end

return estimator
