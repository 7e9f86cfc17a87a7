-- Completions, embeddings and rerank of the simulator, over bare sockets.

local cjson = require("cjson")

local raw = require("spec.support.socket_http")
local simulator = require("spec.support.simulator_client")

local function post(path, body)
  local request = { path = path, body = cjson.encode(body) }
  local answer = assert(raw.request(simulator.shared().url, request))
  local ok, decoded = pcall(cjson.decode, answer.body)
  return answer, ok and decoded or nil
end

local function embed(input, more)
  local body = { model = "simulator/embed", input = input }
  for name, value in pairs(more or {}) do body[name] = value end
  return post("/embeddings", body)
end

describe("the simulator", function()
  before_each(function() simulator.shared():reset() end)

  it("gives the same text the same vector, of length 1, also as base64", function()
    local _, body = embed { "a cat", "a cat", "a dog" }
    local vectors, square = {}, 0
    for index, item in ipairs(body.data) do vectors[index] = item.embedding end
    assert.are.same(vectors[1], vectors[2])
    assert.are_not.same(vectors[1], vectors[3])
    for _, value in ipairs(vectors[1]) do square = square + value ^ 2 end
    assert.is_true(math.abs(square - 1) < 1e-6)
    assert.is_string(select(2, embed("a", { encoding_format = "base64" })).data[1].embedding)
  end)

  it("refuses what Novita refuses of embeddings", function()
    for _, more in ipairs { { encoding_format = "base64", model = "baai/bge-m3" },
      { dimensions = 5 }, { model = "simulator/echo" } } do
      assert.are.equal(400, embed("a", more).status)
    end
    assert.are.equal(404, embed("a", { model = "no/such" }).status)
  end)

  it("completes prompts, and streams that a token an event", function()
    local request = { model = "simulator/echo", prompt = "one two" }
    local _, body = post("/completions", request)
    assert.are.same({ "text_completion", "one two", "stop" },
      { body.object, body.choices[1].text, body.choices[1].finish_reason })
    request.stream = true
    local answer = post("/completions", request)
    assert.are.equal("text/event-stream", answer.header["content-type"])
    local _, count = answer.body:gsub("data: ", "")
    assert.are.equal(4, count) -- two tokens, the reason, [DONE]
  end)

  it("ranks documents by the words that they share with the query", function()
    local _, body = post("/rerank", { model = "baai/bge-reranker-v2-m3", query = "a cat",
      documents = { "a dog", "cat, a", "x" }, top_n = 2 })
    assert.are.same({ 1, 0 }, { body.results[1].index, body.results[2].index })
    assert.are.same({ 1, 0.5 },
      { body.results[1].relevance_score, body.results[2].relevance_score })
  end)
end)
