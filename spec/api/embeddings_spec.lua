-- Vectors of texts, in the shapes in which servers send them.

local core = require("novita.core")
local novita = require("novita")

local talk = require("spec.support.client")

local MODEL = "baai/bge-m3"

before_each(function() talk.sim:reset() end)

local function asks(fields, body, options)
  if body then talk.sim:script { { body = body } } end
  local request = { model = MODEL, input = "a cat" }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client(options):embeddings(request)
end

local function sent(index)
  return novita.json.decode(talk.sim:journal()[index].body)
end

describe("embeddings", function()
  it("are a vector for each text, in their order", function()
    local answer, info = asks { input = { "a cat", "a dog", "a cat" } }
    assert.are.same({ 3, 200 }, { #answer.data, info.status })
    assert.are.same(answer.data[1].embedding, answer.data[3].embedding)
    assert.are_not.same(answer.data[1].embedding, answer.data[2].embedding)
    assert.are.equal("number", type(answer.data[1].embedding[1]))
    assert.are.equal(6, answer.usage.total_tokens)
    local mixed = asks({ input = { "a", "b" } },
      '{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}')
    assert.are.same({ { 1 }, { 2 } }, { mixed.data[1].embedding, mixed.data[2].embedding })
  end)

  it("come as base64 where the server gives it, and are the same numbers", function()
    local fields = { model = "simulator/embed", input = { "a cat", "a dog" } }
    local answer = assert(asks(fields))
    assert.are.equal("base64", sent(1).encoding_format)
    fields.encoding_format = "float"
    local plain = assert(asks(fields))
    assert.are.equal("float", sent(2).encoding_format)
    assert.are.same(plain.data, answer.data)
  end)

  it("are asked for once more where it refuses base64, and by this client no more so", function()
    local client = talk.client()
    for _ = 1, 2 do assert(client:embeddings { model = MODEL, input = "a cat" }) end
    assert.are.equal(3, #talk.sim:journal())
    assert.are.same({ "base64", nil, nil },
      { sent(1).encoding_format, sent(2).encoding_format, sent(3).encoding_format })
    talk.sim:reset()
    local _, err = asks { dimensions = 7 }
    assert.are.equal("dimensions 7 is not supported", err.message)
  end)

  it("of Novita are not asked for as base64", function()
    talk.sim:script { { body = '{"data":[{"embedding":[1]}]}' } }
    local client = novita.new {
      base_url = "http://api.novita.ai/openai/v1", api_key = talk.KEY,
      proxy = talk.sim.url:match("^http://[^/]+"),
    }
    assert(client:embeddings { model = MODEL, input = "a cat" })
    assert.is_nil(sent(1).encoding_format)
  end)

  local shapes = {
    ["a list alone"] = '[{"index":0,"embedding":[1,0.5]}]',
    ["a vector in a list, as llama-server"] = '[{"index":0,"embedding":[[1,0.5]]}]',
    ["no object and no index"] = '{"data":[{"embedding":[1,0.5]}]}',
    ["base64"] = '{"data":[{"embedding":"' .. core.base64("\0\0\128\63\0\0\0\63") .. '"}]}',
  }
  for name, body in pairs(shapes) do
    it("may come as " .. name, function()
      assert.are.same({ 1, 0.5 }, asks({}, body).data[1].embedding)
    end)
  end

  local wrong = {
    ["{}"] = "no list of vectors", ['{"data":[]}'] = "0 vectors for 1 texts",
    ['{"data":[{}]}'] = "a vector is missing",
    ['{"data":[{"embedding":[]}]}'] = "a vector is missing",
    ['{"data":[{"embedding":"AAA"}]}'] = "the text of a vector is not base64",
    ['{"data":[{"embedding":[[1],[2]]}]}'] = "it has several vectors for a text",
    ['{"data":[{"embedding":[1]},{"embedding":[1,2]}]}'] = "its vectors differ in length",
    ['{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[2]}]}'] =
      "two vectors are of the same text",
    ['{"data":[{"index":1,"embedding":[1]}]}'] = "a text has no vector",
    ['{"data":[{"embedding":""}]}'] = "a vector is missing",
  }
  for body, why in pairs(wrong) do
    it("are an error if they come as " .. body, function()
      local answer, err = asks({}, body)
      assert.are.same({ nil, "invalid_response" }, { answer, err.kind })
      assert.are.equal("the response can't be used: " .. why, err.message)
    end)
  end

  it("are an error if a text between others has none", function()
    local body = '{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[2]},'
      .. '{"index":3,"embedding":[3]}]}'
    local answer, err = asks({ input = { "a", "b", "c", "d" } }, body)
    assert.are.same({ nil, "invalid_response" }, { answer, err and err.kind })
  end)

  it("need a model and an input", function()
    local client = talk.client()
    assert.are.equal("model: is missing", select(2, client:embeddings { input = "x" }).message)
    assert.are.equal("input: is missing", select(2, client:embeddings { model = "m" }).message)
    assert.has_error(function() client:embeddings("x") end)
  end)
end)
