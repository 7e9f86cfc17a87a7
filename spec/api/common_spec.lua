-- Checks that the endpoints share: of answers that have no list.

local talk = require("spec.support.client")

local function asks(body, fields)
  talk.sim:reset()
  if body then talk.sim:script { { body = body } } end
  local request = {
    model = "baai/bge-reranker-v2-m3", query = "a cat", documents = { "a dog", "a cat sits" },
  }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client():rerank(request)
end

describe("rerank", function()
  it("is an error without results", function()
    for _, body in ipairs { "{}", '{"results":[{}]}', '{"results":["x"]}' } do
      assert.are.equal("invalid_response", select(2, asks(body)).kind)
    end
    assert.are.equal("query: is missing",
      select(2, talk.client():rerank { model = "m", documents = {} }).message)
    assert.are.equal("bad_request", select(2, asks(nil, { model = talk.MODEL })).kind)
  end)
end)
