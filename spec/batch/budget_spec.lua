-- Budgets: which calls still fit.

require("novita.loader")
local budget = require("novita.batch.budget")

local PRICE = { input = 1, output = 10 }

local function price_of(model) return model == "m" and PRICE or nil end

local function claim(prompt, completion, model)
  return { prompt = prompt, completion = completion, model = model or "m" }
end

local function new(most, used)
  return budget.new(most, used or { tokens = 0, usd = 0 }, price_of)
end

describe("a budget", function()
  local claims = { claim(1, 9), claim(1, 9), claim(1, 99), claim(1, 9) }

  it("admits calls in their order, as long as all fit", function()
    assert.are.equal(4, new():fit(claims))
    assert.are.equal(4, new({ tokens = 130 }):fit(claims))
    assert.are.equal(2, new({ tokens = 129 - 10 }):fit(claims))
    assert.are.equal(0, new({ tokens = 9 }):fit(claims))
    assert.are.equal(1, new({ tokens = 1000, usd = 181 }):fit(claims))
    assert.are.equal(2, new({ usd = 182 }):fit(claims))
    assert.are.equal(0, new({ usd = 182 }, { tokens = 0, usd = 100 }):fit(claims))
  end)

  it("sets aside what calls under way may use, until it knows what they used", function()
    local self = new { tokens = 20 }
    self:reserve(claims[1])
    assert.are.equal(1, self:fit(claims))
    self:reserve(claims[2])
    assert.are.equal(0, self:fit(claims))
    self:settle(claims[1], { prompt_tokens = 1, completion_tokens = 2, usd = 21 })
    self:settle(claims[2], {})
    assert.are.same({ 3, 21 }, { self.used.tokens, self.used.usd })
    assert.are.equal(1, self:fit(claims))
    self:reserve(claims[4])
    assert.are.equal(0, self:fit { claim(1, 7) })
    assert.are.equal(1, self:fit { claim(1, 6) })
  end)

  it("counts what other processes use", function()
    local self = new { tokens = 100 }
    self:reserve(claims[1])
    self:refresh({ tokens = 50, usd = 0 }, { { model = "m", prompt = 3, completion = 17 } })
    assert.are.equal(2, self:fit(claims)) -- 50, 20, 10 and two of 10
    self:refresh({ tokens = 80, usd = 0 }, {})
    assert.are.equal(1, self:fit(claims))
    assert.is_true(self:is_limited())
    assert.is_false(new():is_limited())
  end)

  it("counts no money for a model whose price is not known", function()
    local self = new { tokens = 100 }
    local call = claim(1, 1, "other")
    self:reserve(call)
    assert.is_nil(call.ceiling.usd)
    self:settle(call, { prompt_tokens = 1, completion_tokens = 1 })
    assert.are.equal(0, self.used.usd)
  end)
end)
