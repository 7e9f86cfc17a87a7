-- Routes, keys and refusals: the simulator without a script.

local cjson = require("cjson")

local ask = require("spec.support.simulator_http")
local raw = require("spec.support.socket_http")
local simulator = require("spec.support.simulator_client")

local sim

describe("the simulator without a script", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("answers a chat as Novita does", function()
    local answer, body = ask.chat()
    assert.are.equal(200, answer.status)
    assert.are.equal("application/json", answer.header["content-type"])
    assert.are.equal(32, #answer.header["x-request-id"])
    assert.are.equal("chat.completion", body.object)
    assert.are.equal(ask.model, body.model)
    assert.are.equal("stop", body.choices[1].finish_reason)
    assert.are.equal("assistant", body.choices[1].message.role)
    assert.is_truthy(body.choices[1].message.content:find("Hello there", 1, true))
    assert.is_false(body.choices[1].content_filter_results.hate.filtered)
    assert.are.equal("", body.system_fingerprint)
  end)

  it("answers the same request with the same bytes", function()
    assert.are.equal(ask.chat().body, ask.chat().body)
  end)

  it("knows three bases and the one in between", function()
    local host = sim.url:match("^(.*)/openai/v1$")
    for _, base in ipairs { "/openai/v1", "/openai", "/v3/openai", "/v3/openai/v1" } do
      assert.are.equal(200, ask.chat(nil, { url = host .. base }).status)
    end
    assert.are.equal("404 page not found", ask.chat(nil, { url = host .. "/v2" }).body)
    assert.are.equal("404 page not found", ask.chat(nil, { method = "GET" }).body)
  end)

  it("lists models to anyone, and shows one", function()
    local answer = raw.request(sim.url, { method = "GET", path = "/models", key = false })
    local list = cjson.decode(answer.body)
    assert.is_nil(list.object)
    assert.are.equal("deepseek/deepseek-v3-0324", list.data[1].id)
    answer = raw.request(sim.url, { method = "GET", path = "/models/tencent/hy3", key = false })
    assert.are.equal("tencent/hy3", cjson.decode(answer.body).id)
    answer = raw.request(sim.url, { method = "GET", path = "/models/tencent%2Fhy3" })
    assert.are.equal("tencent/hy3", cjson.decode(answer.body).id)
    assert.are.equal(404, raw.request(sim.url, { method = "GET", path = "/models/x/y" }).status)
  end)

  it("looks at the key", function()
    local cases = {
      { false, 403, "INVALID_API_KEY" }, { "sk_wrong", 401, "FAILED_TO_AUTH" },
      { "other", 401, "FAILED_TO_AUTH" }, { "sk_poor", 403, "NOT_ENOUGH_BALANCE" },
    }
    for _, case in ipairs(cases) do
      local answer, body = ask.chat(nil, { key = case[1] })
      assert.are.equal(case[2], answer.status)
      assert.are.equal(case[2], body.code)
      assert.are.equal(case[3], body.reason)
      assert.are.equal(32, #answer.header["x-request-id"])
    end
  end)

  it("is met at the edge by some", function()
    local answer = ask.chat(nil, { headers = { "User-Agent: Python-urllib/3.11" } })
    assert.are.equal(403, answer.status)
    assert.are.equal("error code: 1010", answer.body)
  end)

  local llama = "meta-llama/llama-3.3-70b-instruct"
  local image = { type = "image_url", image_url = { url = "data:," } }
  local refusals = {
    { { model = "no/such" }, 404, "model not found" },
    { { model = "" }, 404, "model not found" },
    { { model = "baai/bge-m3" }, 400, "not an chat model" },
    { { messages = {} }, 400, "messages" },
    { { messages = { { role = "robot", content = "x" } } }, 400, "invalid request error trace_id" },
    { { temperature = 2.5 }, 400, "temperature %(current value: 2.5%) must be between 0 and 2" },
    { { top_p = -1 }, 400, "top_p" },
    { { temperature = "0.7" }, 400, "cannot unmarshal string" },
    { { max_tokens = 0 }, 400, "max_tokens %(current value: 0%)" },
    { { max_tokens = 200000 }, 400, "max_tokens: 200000 exceeds maximum 163840 trace_id: %x+$" },
    { { max_tokens = 1.5 }, 400, "max_tokens of type int" },
    { { stream_options = { include_usage = true } }, 400, "stream_options" },
    { { stop = { "a", "b", "c", "d", "e" } }, 400, "invalid request" },
    { { model = llama, response_format = { type = "json_object" } }, 400,
      "model: " .. llama:gsub("%p", "%%%0") .. " does not support feature: structured%-outputs" },
    { { model = "tencent/hy3", response_format = { type = "json_object" } }, 400,
      "'json_object' response format. Supported formats: json_schema%.$" },
    { { messages = { { role = "user", content = { 1 } } } }, 400, "invalid request" },
    { { tools = { { type = "function" } } }, 400, "invalid request" },
    { { response_format = { type = "xml" } }, 400, "invalid request" },
    { { messages = { { role = "user", content = { image } } } }, 400, "vision not support" },
    { { model = "qwen/qwen3.8-max", messages = { { role = "user", content = "a" },
      { role = "system", content = "b" } } }, 400, "System message must be at the beginning%." },
    { { model = "Sao10K/L3-8B-Stheno-v3.2", messages = ask.user(("word "):rep(8193)) }, 400,
      "The input %(8193 tokens%) is longer than the model's context length %(8192 tokens%)%." },
    { { model = "Sao10K/L3-8B-Stheno-v3.2", tools = { { type = "function" } } }, 400,
      "function calling not support" },
  }
  for index, case in ipairs(refusals) do
    it("refuses a bad request, case " .. index .. ": " .. case[3], function()
      local answer, body = ask.chat(case[1])
      assert.are.equal(case[2], answer.status)
      assert.is_truthy(body.message:find(case[3]), body.message)
    end)
  end

  it("refuses what is not JSON, and integers with a point", function()
    assert.are.equal(400, ask.chat(nil, { body = "{" }).status)
    assert.are.equal(400, ask.chat(nil, { body = "[1]" }).status)
    assert.are.equal(400, ask.chat(nil, { body = '{"model":"' .. ask.model .. '","max_tokens":8.0,'
      .. '"messages":[{"role":"user","content":"x"}]}' }).status)
  end)
end)
