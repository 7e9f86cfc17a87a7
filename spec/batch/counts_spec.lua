-- The counts of a batch: tokens and money.

local batches = require("spec.support.batches")

local place

describe("a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("counts tokens and money as the server does", function()
    place:numbered(10)
    local summary = place:run { request = {
      model = "meta-llama/llama-3.1-8b-instruct", message = "{{row.text}}", max_tokens = 20,
    } }
    local prompt, completion = 0, 0
    for _, line in ipairs(place:lines()) do
      prompt = prompt + line.response.body.usage.prompt_tokens
      completion = completion + line.response.body.usage.completion_tokens
    end
    assert.are.same({ prompt, completion, prompt + completion }, { summary.usage.prompt_tokens,
      summary.usage.completion_tokens, summary.usage.total_tokens })
    assert.are.same(summary.usage, summary.run_usage)
    local price = 0.39 / 1e6 -- of spec/support/simulator/catalog.lua
    assert.is_true(math.abs(summary.usd - price * (prompt + completion)) < 1e-12, summary.usd)
    assert.is_true(math.abs(summary.run_usd - summary.usd) < 1e-12)
  end)
end)
