-- What calls cost: the fields of prices, their units, tiers, cached tokens.

local novita = require("novita")
novita.new()
local prices = require("novita.batch.prices")
local settings = require("novita.call.settings")

local batches = require("spec.support.batches")
local talk = require("spec.support.client")

local own = settings.inherit(settings.defaults(), { base_url = talk.sim.url, api_key = talk.KEY,
  retry = "none" })

before_each(function() talk.sim:reset() end)

-- Numbers in USD per million tokens.
local function per_million(price)
  local list = {}
  for _, name in ipairs { "input", "output", "cached" } do
    list[name] = price[name] and math.floor(price[name] * 1e12 + 0.5) / 1e6
  end
  return list
end

local function near(wanted, got)
  assert.is_true(math.abs(wanted - got) < 1e-12, ("%.17g, not %.17g"):format(got, wanted))
end

describe("the price of a model", function()
  it("is in 1/10000 USD per million tokens where it is an integer", function()
    assert.are.same({ input = 0.39, output = 0.4 }, per_million(prices.read {
      input_token_price_per_m = 3900, output_token_price_per_m = 4000 }))
    assert.are.same({ input = 0.15, output = 0.5, cached = 0.03 }, per_million(prices.read {
      input_token_price_per_m = 1, output_token_price_per_m = 2,
      pricing = { prompt = { price_per_m = 1500 }, completion = { price_per_m = 5000 },
        input_cache_read = { price_per_m = 300 } } }))
  end)

  it("is in USD per million tokens where it is decimal text, which goes first", function()
    assert.are.same({ input = 0.15, output = 0.5, cached = 0.03 }, per_million(prices.read {
      input_token_price_per_m = 1, output_token_price_per_m = 2, pricing = {
        prompt = { price_per_m = 1, price_per_m_decimal = "0.15" },
        completion = { price_per_m = 1, price_per_m_decimal = "0.5" },
        input_cache_read = { price_per_m_decimal = "0.03" } } }))
  end)

  it("may be nothing, or not be known", function()
    assert.are.same({ input = 0, output = 0 },
      prices.read { input_token_price_per_m = 0, output_token_price_per_m = 0 })
    assert.are.same({ input = 1e-7, output = 0 }, prices.read { input_token_price_per_m = 1000 })
    assert.is_nil(prices.read { id = "x" })
    assert.is_nil(prices.read { pricing = "free", input_token_price_per_m = {} })
    assert.is_nil(prices.read { input_token_price_per_m = -1, output_token_price_per_m = "1e999" })
  end)

  it("may depend on the length of the prompt", function()
    local price = prices.read {
      is_tiered_billing = true, input_token_price_per_m = 0, output_token_price_per_m = 0,
      tiered_billing_configs = {
        { min_tokens = 256000, pricing = { prompt = { price_per_m_decimal = "4" },
          completion = { price_per_m_decimal = "8" } } },
        { min_tokens = 1, max_tokens = 256000, pricing = { prompt = { price_per_m_decimal = "1" },
          completion = { price_per_m_decimal = "2" },
          input_cache_read = { price_per_m_decimal = "0.5" } } },
      },
    }
    near(200e-6, prices.cost(price, { prompt_tokens = 100, completion_tokens = 50 }))
    near(1.2, prices.cost(price, { prompt_tokens = 300000, completion_tokens = 0 }))
    near(75e-6, prices.cost(price, { prompt_tokens = 100,
      prompt_tokens_details = { cached_tokens = 50 } }))
  end)

  it("comes from the server", function()
    local list = assert(prices.list(own))
    near(3.9e-7, list[talk.MODEL].input)
    assert.is_nil(list["no/such"])
    talk.sim:always { status = 500 }
    assert.are.equal("server", select(2, prices.list(own)).kind)
  end)
end)

describe("the cost of a call", function()
  local price = { input = 1e-6, output = 2e-6, cached = 1e-7 }

  it("counts tokens of prompt, cache and answer", function()
    near(16e-6 + 2 * 86e-6, prices.cost(price, {
      prompt_tokens = 16, completion_tokens = 86, total_tokens = 102 }))
    near(10e-6 + 0.6e-6, prices.cost(price, { prompt_tokens = 16, completion_tokens = 0,
      prompt_tokens_details = { cached_tokens = 6 } }))
    near(10e-6 + 0.6e-6, prices.cost(price, { prompt_tokens = 16,
      prompt_tokens_details = { cache_read_input_tokens = 6 } }))
    near(16e-6, prices.cost({ input = 1e-6, output = 0 }, { prompt_tokens = 16,
      prompt_tokens_details = { cached_tokens = 6 } }))
    near(1e-6, prices.cost(price, { prompt_tokens = 10,
      prompt_tokens_details = { cached_tokens = 99 } }))
  end)

  it("may be told by the total, or not at all", function()
    near(16e-6 + 2 * 86e-6, prices.cost(price, { prompt_tokens = 16, total_tokens = 102 }))
    assert.is_nil(prices.cost(price, nil))
    assert.is_nil(prices.cost(price, {}))
    assert.is_nil(prices.cost(price, novita.null))
  end)

  it("is told by counts that are counts", function()
    local dear = { input = 1, output = 100 }
    for usage, cost in pairs {
      [{ prompt_tokens = "3", completion_tokens = 1.5 }] = 203,
      [{ prompt_tokens = 3, completion_tokens = -1 }] = 3,
      [{ prompt_tokens = 3, total_tokens = 1 }] = 3,
      [{ prompt_tokens = 3, prompt_tokens_details = { cached_tokens = -9 } }] = 3,
      [{ prompt_tokens = 1e300 }] = 2 ^ 40,
    } do
      assert.are.equal(cost, prices.cost(dear, usage))
    end
    for _, odd in ipairs { -1, 0 / 0, true, {}, novita.null } do
      assert.is_nil(prices.cost(dear, { prompt_tokens = odd, completion_tokens = 1 }))
    end
  end)
end)

describe("the cost of a batch", function()
  local place

  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  local function check_counts(summary)
    local counted = talk.sim:stats()
    assert.are.same({ counted.prompt_tokens, counted.completion_tokens },
      { summary.usage.prompt_tokens, summary.usage.completion_tokens })
    near(3.9e-7 * (counted.prompt_tokens + counted.completion_tokens), summary.usd)
  end

  it("is what the server counts, over runs, edits and failures", function()
    place:numbered(30)
    local request = {
      model = "meta-llama/llama-3.1-8b-instruct", message = "{{row.text}} of many", max_tokens = 3,
    }
    talk.sim:script { { match = "text 3", status = 400, uses = 3 },
      { match = "text 9", body = "{}" } }
    local fields = { request = request, concurrency = 8,
      check = function(_, id) return id ~= "r5", "bad" end }
    local summary = place:run(fields)
    assert.is_true(summary.failed >= 3, summary.failed)
    check_counts(summary)
    check_counts(place:run(fields))
    request.max_tokens = 2
    check_counts(place:run(fields))
    fields.check = nil
    check_counts(place:run(fields))
  end)
end)
