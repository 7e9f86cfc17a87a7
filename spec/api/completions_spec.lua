-- Text completions, whole and as they come.

local novita = require("novita")

local native = require("spec.support.native")
local talk = require("spec.support.client")

before_each(function() talk.sim:reset() end)

describe("a completion", function()
  it("is the answer as the server sent it", function()
    local answer, info = talk.completes()
    assert.are.same({ { index = 0, text = "one two three", finish_reason = "stop" } },
      answer.choices)
    assert.are.same({ 6, 200 }, { answer.usage.total_tokens, info.status })
    assert.are.equal("/openai/v1/completions", talk.sim:journal()[1].path)
  end)

  it("that is cut is an error, with what had arrived", function()
    for _, step in ipairs {
      { cut_pieces = 2, ending = "close" }, { cut_pieces = 2, ending = "reset" },
      { events = { '{"choices":[{"index":0,"text":"one two"}]}' } },
      { events = { '{"choices":[{"index":0,"text":"one two","finish_reason":""}]}' } },
      { events = { '{"choices":[{"index":0,"text":"one two"}]}',
        '{"choices":[{"index":0,"text":{}}]}' } },
    } do
      local stream = assert(talk.completes(step, { stream = true }))
      local reply, err = stream:reply()
      assert.is_nil(reply)
      local kinds = { stream_truncated = true, connection = true, invalid_response = true }
      assert.is_true(kinds[err.kind], err.kind)
      assert.are.equal("one two", err.partial.choices[1].text)
    end
  end)

  it("is an error if it is none", function()
    for _, body in ipairs { "{}", '{"choices":[]}', '"text"' } do
      assert.are.equal("invalid_response", select(2, talk.completes { body = body }).kind)
    end
    local _, err = talk.completes(nil, { model = "baai/bge-m3" })
    assert.are.equal("model: baai/bge-m3 does not support endpoint: completions", err.message)
  end)

  it("needs a prompt, and a model: its own, that of defaults, or the environment's", function()
    local client = talk.client { defaults = { model = talk.MODEL, message = "x" } }
    assert(client:completions { prompt = "a" })
    assert.is_nil(novita.json.decode(talk.sim:journal()[1].body).message)
    assert.are.equal("prompt: is missing", select(2, client:completions {}).message)
    local without = { base_url = talk.sim.url, api_key = talk.KEY }
    assert.are.equal("model: is missing",
      select(2, novita.new(without):completions { prompt = "a" }).message)
    native.setenv("NOVITA_MODEL", talk.MODEL)
    assert(novita.new(without):completions { prompt = "a" })
    native.setenv("NOVITA_MODEL", "")
    assert.are.equal("model: is missing",
      select(2, novita.new(without):completions { prompt = "a" }).message)
    native.setenv("NOVITA_MODEL", nil)
  end)
end)
