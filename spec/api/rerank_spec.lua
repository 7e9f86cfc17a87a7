-- Documents in the order in which they answer a query.

local talk = require("spec.support.client")

describe("rerank", function()
  it("gives the best documents first", function()
    local answer, info = talk.reranks(nil, { top_n = 1 })
    assert.are.same({ { index = 1, relevance_score = 1, document = { text = "a cat sits" } } },
      answer.results)
    assert.are.same({ 7, 200 }, { answer.usage.total_tokens, info.status })
  end)

  it("takes the shapes of other servers", function()
    local wanted = { { index = 0, relevance_score = 0.5 } }
    for _, body in ipairs { '{"data":[{"index":0,"relevance_score":0.5}]}',
      '[{"index":0,"score":0.5}]' } do
      local results = talk.reranks(body).results
      assert.are.same(wanted[1].index, results[1].index)
      assert.are.same(wanted[1].relevance_score, results[1].relevance_score)
    end
  end)
end)
