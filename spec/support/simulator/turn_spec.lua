-- A script's answer, laid over the model's own.

local cjson = require("cjson")

local ask = require("spec.support.simulator_http")
local simulator = require("spec.support.simulator_client")

local sim

describe("steps", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("lay an answer over the usual one", function()
    local answer = ask.after { answer = {
      id = "x1", model = "other", content = simulator.null, finish_reason = "content_filter",
      message = { refusal = "No." }, usage = { prompt_tokens = 99 },
      extra = { service_tier = "gold", system_fingerprint = false },
    } }
    local body = cjson.decode(answer.body)
    assert.are.equal("x1", body.id)
    assert.are.equal("other", body.model)
    assert.are.equal("gold", body.service_tier)
    assert.is_nil(body.system_fingerprint)
    assert.are.equal(99, body.usage.prompt_tokens)
    assert.are.equal("content_filter", body.choices[1].finish_reason)
    assert.are.equal(cjson.null, body.choices[1].message.content)
    assert.are.equal("No.", body.choices[1].message.refusal)
    answer = ask.after { answer = { usage = false, choices = { { content = "a" },
      { content = "b", finish_reason = false } } } }
    body = cjson.decode(answer.body)
    assert.is_nil(body.usage)
    assert.are.equal("b", body.choices[2].message.content)
    assert.is_nil(body.choices[2].finish_reason)
  end)

  it("lay an answer over a stream", function()
    sim:script { { usage = "last", answer = { reasoning_content = "Hm m", tool_calls = {
      { name = "f", arguments = { a = 1 } }, { name = "g", id = "x", arguments = "{bad" } } } } }
    local chunks, done = ask.stream {}
    assert.is_true(done)
    assert.are.equal("Hm m", ask.joined(chunks, "reasoning_content"))
    assert.are.equal("tool_calls", chunks[#chunks - 1].choices[1].finish_reason)
    assert.is_truthy(chunks[#chunks].usage)
  end)
end)
