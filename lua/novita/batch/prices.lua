--- Computes the cost of calls, by the prices that GET /models returns.
---
--- Novita gives a price twice: as an integer in 1/10000 USD per million tokens, and, since 2026, as
--- decimal text in USD per million tokens. Models whose price depends on the length of the prompt
--- have a list of tiers beside.

local models = require("novita.api.models")

local prices = {}

local PER_INTEGER = 1e10 -- 1/10000 USD per million tokens, in USD a token
local PER_DECIMAL = 1e6
local MOST_TOKENS = 2 ^ 40 -- of a call: sums of those stay exact

---@class novita.batch.Price
---@field input number USD a token
---@field output number USD a token
---@field cached? number USD a token of the prompt that the server had cached; default: input
---@field tiers? { least: integer, price: novita.batch.Price }[] by tokens of the prompt, ascending

local function member(value, name)
  if type(value) ~= "table" then return nil end
  return value[name]
end

-- USD a token, where the value is a price.
local function flat(value, unit)
  local price = tonumber(value)
  return price and price >= 0 and price < math.huge and price / (unit or PER_INTEGER) or nil
end

-- USD a token, from one member of `pricing`.
local function read_price(pricing, name)
  local given = member(pricing, name)
  return flat(member(given, "price_per_m_decimal"), PER_DECIMAL)
    or flat(member(given, "price_per_m"))
end

-- The price in `pricing`, completed by the flat ones. A server that names neither has no prices. An
-- embedding has no output.
local function price_of(pricing, input, output)
  local price = {
    input = read_price(pricing, "prompt") or input,
    output = read_price(pricing, "completion") or output,
    cached = read_price(pricing, "input_cache_read"),
  }
  if not price.input and not price.output then return nil end
  price.input, price.output = price.input or 0, price.output or 0
  return price
end

local function tiers_of(model)
  local tiers = {}
  local given = model.is_tiered_billing and model.tiered_billing_configs
  for _, tier in ipairs(type(given) == "table" and given or {}) do
    local price = price_of(member(tier, "pricing"))
    if price then
      tiers[#tiers + 1] = { least = tonumber(tier.min_tokens) or 0, price = price }
    end
  end
  table.sort(tiers, function(a, b) return a.least < b.least end)
  return tiers[1] and tiers or nil
end

--- Returns the price in a model's description, or nil if it has none.
---@param model novita.Model
---@return novita.batch.Price?
function prices.read(model)
  local price = price_of(model.pricing, flat(model.input_token_price_per_m),
    flat(model.output_token_price_per_m))
  local tiers = tiers_of(model)
  price = price or tiers and { input = tiers[1].price.input, output = tiers[1].price.output }
  if price then price.tiers = tiers end
  return price
end

--- Asks for the prices of all models.
---@param settings novita.Settings
---@return table<string, novita.batch.Price>? list by the names of the models; nil on failure
---@return novita.Error? err
function prices.list(settings)
  local described, err = models(nil, settings)
  if not described then return nil, err end
  local list = {}
  for _, model in ipairs(described) do list[model.id] = prices.read(model) end
  return list
end

-- A count of tokens as the store takes it, or nil where the value is none.
local function count_of(value)
  local count = tonumber(value)
  return count and count >= 0 and math.ceil(math.min(count, MOST_TOKENS)) or nil
end

--- Returns the tokens that an answer says it has used.
---@param usage any of the answer, as the server sent it
---@return integer? prompt nil where it names none
---@return integer? completion
function prices.tokens(usage)
  local prompt = count_of(member(usage, "prompt_tokens"))
  local total = count_of(member(usage, "total_tokens"))
  local completion = count_of(member(usage, "completion_tokens"))
  if not completion and prompt and total and total >= prompt then completion = total - prompt end
  return prompt, completion
end

-- The tokens of the prompt that were read from the server's cache.
local function cached_tokens(usage)
  local details = usage.prompt_tokens_details
  return count_of(member(details, "cached_tokens"))
    or count_of(member(details, "cache_read_input_tokens")) or 0
end

-- The price for a prompt of so many tokens.
local function tier_for(price, tokens)
  local found = price
  for _, tier in ipairs(price.tiers or {}) do
    if tokens >= tier.least then found = tier.price end
  end
  return found
end

--- Returns what so many tokens cost; an estimate, as a mean, may have fractions of them.
---@param price novita.batch.Price
---@param input number tokens of the prompt
---@param completion number tokens
---@param cached? number tokens of the prompt that were read from the server's cache
---@return number usd
function prices.of_tokens(price, input, completion, cached)
  local tier = tier_for(price, input)
  cached = math.min(cached or 0, input)
  return (input - cached) * tier.input + cached * (tier.cached or tier.input)
    + completion * tier.output
end

--- Returns what a call cost.
---@param price novita.batch.Price
---@param usage? table of its answer: prompt_tokens, completion_tokens, prompt_tokens_details
---@return number? usd nil where the answer names no usage
function prices.cost(price, usage)
  local input, completion = prices.tokens(usage)
  if not input then return nil end
  return prices.of_tokens(price, input, completion or 0, cached_tokens(usage))
end

return prices
