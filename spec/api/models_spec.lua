-- The list of models, in the shapes in which servers send it.

local talk = require("spec.support.client")

local function lists(body)
  talk.sim:reset()
  talk.sim:script { { body = body } }
  return talk.client():models()
end

describe("models", function()
  it("are a list, asked for without a key", function()
    talk.sim:reset()
    local list, info = talk.client({ api_key = false }):models()
    assert.is_true(#list > 10)
    assert.are.same({ "GET", "/openai/v1/models", nil }, { talk.sim:journal()[1].method,
      talk.sim:journal()[1].path, talk.sim:journal()[1].header.authorization })
    assert.are.equal(200, info.status)
  end)

  it("may come as a list alone, and be none", function()
    assert.are.same({ { id = "a" } }, lists('[{"id":"a"}]'))
    assert.are.same({}, lists("[]"))
    assert.are.same({}, lists('{"data":[]}'))
  end)

  it("are an error where there is no list of them", function()
    for _, body in ipairs { "{}", '"text"', '{"data":"x"}', '{"data":[1]}', '{"data":[{}]}' } do
      local list, err = lists(body)
      assert.are.same({ nil, "invalid_response" }, { list, err.kind })
      assert.are.equal(200, err.status)
    end
  end)
end)
