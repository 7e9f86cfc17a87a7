-- Plans: what a run would send, and what that costs at most.

require("novita.loader")
local plan = require("novita.batch.plan")

local COUNTED = {
  rows = 12, problems = 1, done = 5, failed = 2, waiting = 3, sent = 1,
  groups = {
    { state = "done", model = "m", count = 5, prompt = 500, completion = 500 },
    { state = "failed", model = "m", count = 2, prompt = 20, completion = 200 },
    { state = "waiting", model = "m", count = 2, prompt = 20, completion = 200 },
    { state = "waiting", model = "n", count = 1, prompt = 10, completion = 100 },
    { state = "sent", model = "m", count = 1, prompt = 10, completion = 100 },
  },
}

local PRICES = { m = { input = 1, output = 2 }, n = { input = 10, output = 20 } }

local function of(fields, prices)
  return plan.of(COUNTED, 11, fields or {}, function(model) return (prices or PRICES)[model] end)
end

describe("a plan", function()
  it("sends what waits, has failed, or is in doubt", function()
    local result = of()
    assert.are.same({ 6, 60, 600 }, { result.to_send, result.prompt_tokens,
      result.completion_tokens })
    assert.are.equal(50 + 1000 + 100 + 2000, result.usd)
    assert.are.same({ 12, 11, 1, 5, 2, 1 }, { result.rows, result.unique, result.problems,
      result.paid, result.failed, result.in_doubt })
  end)

  it("leaves what is to be kept or held", function()
    assert.are.equal(4, of({ keep_failures = true }).to_send)
    assert.are.equal(5, of({ in_doubt = "hold" }).to_send)
  end)

  it("knows no cost where a price is missing", function()
    assert.is_nil(of({}, { m = PRICES.m }).usd)
  end)

  it("costs what its tokens cost, also where their mean is a fraction", function()
    local counted = { rows = 2, groups = { { state = "waiting", model = "m", count = 2,
      prompt = 3, completion = 5 } } }
    assert.are.equal(3 + 10, plan.of(counted, 1, {}, function() return PRICES.m end).usd)
  end)

  it("takes the price for prompts of the mean length", function()
    local tiers = { input = 1, output = 1, tiers = { { least = 10, price = PRICES.n } } }
    assert.are.equal(5 * (10 * 10 + 100 * 20), of({}, { m = tiers, n = {
      input = 0, output = 0 } }).usd)
  end)
end)
