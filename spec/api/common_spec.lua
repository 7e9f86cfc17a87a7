-- Checks that the endpoints share: of answers that have no list.

local talk = require("spec.support.client")

describe("rerank", function()
  it("is an error without results", function()
    for _, body in ipairs { "{}", '{"results":[{}]}', '{"results":["x"]}' } do
      assert.are.equal("invalid_response", select(2, talk.reranks(body)).kind)
    end
    assert.are.equal("query: is missing",
      select(2, talk.client():rerank { model = "m", documents = {} }).message)
    assert.are.equal("bad_request", select(2, talk.reranks(nil, { model = talk.MODEL })).kind)
  end)
end)
