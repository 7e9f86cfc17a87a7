--- How many tokens a call will use: a rule of thumb, and what experience makes of it.
--
-- No tokenizer: each model has its own, and the server's count comes with the answer. Setting aside
-- the whole of max_tokens would be safe and slow: with answers a tenth as long as allowed, calls in
-- flight hold ten times what they use. So their real usage is learned, and how far off that was is
-- added.

local tokens = {}

local DEFAULT_COMPLETION = 1024 -- where a request names no maximum
local MEDIA_TOKENS = 1000
local DEPTH = 32 -- of nested tables that are looked into
local WEIGHT = 1 / 32 -- of the newest call in what is learned
local CUSHION = 3 -- mean errors

local MEDIA = { image_url = true, video_url = true, input_audio = true }

local PROMPT = { "system_prompt", "message", "messages", "tools", "response_format" }

-- Four bytes of ASCII a token, three of anything else: about one a character in Chinese.
local function weigh(value, depth)
  if type(value) == "string" then
    local _, high = value:gsub("[\128-\255]", "")
    return (#value - high) / 4 + high / 3
  end
  if type(value) ~= "table" or depth == 0 then return 1 end
  if MEDIA[value.type] then return MEDIA_TOKENS end
  local sum = 0
  for key, item in pairs(value) do
    sum = sum + weigh(item, depth - 1) + (type(key) == "string" and 1 or 0)
  end
  return sum
end

--- About how many tokens a chat request will use: its prompt, plus max_tokens (else 1024) for each
--- of its n answers. English prose is met within some ten per cent.
---@param request table
---@return integer total
---@return integer prompt
function tokens.estimate(request)
  local prompt = 3
  for _, field in ipairs(PROMPT) do
    if request[field] ~= nil then prompt = prompt + weigh(request[field], DEPTH) end
  end
  prompt = math.ceil(prompt)
  local completion = tonumber(request.max_completion_tokens or request.max_tokens)
  completion = (completion or DEFAULT_COMPLETION) * (tonumber(request.n) or 1)
  return prompt + math.ceil(completion), prompt
end

--- The tokens that a reply, whole or in part, says were used, or nil.
---@param reply any
---@return integer?
function tokens.used(reply)
  local usage = type(reply) == "table" and reply.usage
  local total = type(usage) == "table" and usage.total_tokens
  return type(total) == "number" and total or nil
end

---@class novita.TokenExperience
local Experience = {}
local meta = { __index = Experience, __name = "novita.experience" }

--- Nothing learned yet: estimates are believed.
---@return novita.TokenExperience
function tokens.experience()
  return setmetatable({}, meta)
end

--- What to set aside for a call of this estimate: what such calls used on average, and a cushion.
--- Errors of n calls under way add up like the square root of n, so the more, the less for each;
--- and where estimates are generous, never more than this one says.
---@param estimate integer
---@param busy integer calls under way
---@return integer
function Experience:expect(estimate, busy)
  if not self.used then return estimate end
  local mean = estimate * self.used / self.estimated
  local cushion = self.off * CUSHION / math.sqrt(math.max(busy, 1))
  return math.ceil(math.min(mean + cushion, math.max(mean + self.off, estimate)))
end

--- Takes note of what a call of this estimate has used.
---@param estimate integer
---@param used integer
function Experience:learn(estimate, used)
  if estimate <= 0 then return end
  if not self.used then self.used, self.estimated, self.off = estimate, estimate, 0 end
  local off = math.abs(used - estimate * self.used / self.estimated)
  self.off = self.off + WEIGHT * (off - self.off)
  self.used = self.used + WEIGHT * (used - self.used)
  self.estimated = self.estimated + WEIGHT * (estimate - self.estimated)
end

return tokens
