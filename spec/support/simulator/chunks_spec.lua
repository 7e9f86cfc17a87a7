-- Turns as streams of chunks.

local cjson = require("cjson")

local ask = require("spec.support.simulator_http")

describe("the simulator's streams", function()
  it("send one token a chunk, the role first, [DONE] last", function()
    local chunks, done, answer = ask.stream { model = "simulator/count-3" }
    assert.are.equal("text/event-stream", answer.header["content-type"])
    assert.are.equal("chunked", answer.header["transfer-encoding"])
    assert.is_true(done)
    assert.are.equal(5, #chunks)
    assert.are.equal("assistant", chunks[1].choices[1].delta.role)
    assert.are.equal(" 2", chunks[3].choices[1].delta.content)
    assert.are.equal(cjson.null, chunks[3].choices[1].finish_reason)
    assert.are.equal("stop", chunks[5].choices[1].finish_reason)
    assert.are.equal("chat.completion.chunk", chunks[5].object)
    assert.are.equal(6, #answer.chunks)
  end)

  it("say the same as plain answers", function()
    for _, model in ipairs { ask.model, "moonshotai/kimi-k2.6", "deepseek/deepseek-v4-flash" } do
      local _, body = ask.chat { model = model }
      local chunks = ask.stream { model = model }
      local message = body.choices[1].message
      assert.are.equal(message.content, ask.joined(chunks, "content"))
      assert.are.equal(message.reasoning_content or "", ask.joined(chunks, "reasoning_content"))
    end
  end)

  it("give no usage unless asked", function()
    for _, chunk in ipairs((ask.stream { model = "deepseek/deepseek-v4-pro" })) do
      assert.is_nil(chunk.usage)
    end
  end)

  local asked = { include_usage = true }

  it("put usage in a chunk of its own", function()
    local chunks = ask.stream { stream_options = asked }
    local last = table.remove(chunks)
    assert.are.same({}, last.choices)
    assert.is_true(last.usage.total_tokens > 2)
    for _, chunk in ipairs(chunks) do assert.are.equal(cjson.null, chunk.usage) end
  end)

  it("put usage beside the finish reason", function()
    local chunks = ask.stream { model = "deepseek/deepseek-v4-pro", stream_options = asked }
    local last = table.remove(chunks)
    assert.are.equal("stop", last.choices[1].finish_reason)
    assert.is_true(last.usage.completion_tokens_details.reasoning_tokens > 0)
    for _, chunk in ipairs(chunks) do assert.is_nil(chunk.usage) end
  end)

  it("put running usage in every chunk", function()
    local chunks = ask.stream { model = "meta-llama/llama-3.1-8b-instruct", stream_options = asked }
    for index, chunk in ipairs(chunks) do
      assert.is_truthy(chunk.usage, index)
    end
    assert.are.equal(1, chunks[2].usage.completion_tokens)
    assert.are.equal(2, chunks[3].usage.completion_tokens)
  end)

  it("carry several choices by turns", function()
    local chunks = ask.stream { model = "simulator/count-3", n = 2, stream_options = asked }
    assert.are.equal("1 2 3", ask.joined(chunks, "content", 0))
    assert.are.equal("1 2 3", ask.joined(chunks, "content", 1))
    assert.are.equal(1, chunks[2].choices[1].index)
    assert.are.equal(6, chunks[#chunks].usage.completion_tokens)
  end)

  -- Puts tool calls together: names and arguments by index, and the first fragments.
  local function assemble(chunks)
    local calls, firsts = {}, {}
    for _, chunk in ipairs(chunks) do
      for _, part in ipairs(chunk.choices[1] and chunk.choices[1].delta.tool_calls or {}) do
        local at = part.index + 1
        local call = calls[at] or { arguments = "" }
        firsts[at] = firsts[at] or part
        call.name = call.name or part["function"].name
        call.arguments = call.arguments .. (part["function"].arguments or "")
        calls[at] = call
      end
    end
    return calls, firsts
  end

  local tools = {}
  for index, name in ipairs { "get_weather", "get_forecast" } do
    tools[index] = { type = "function", ["function"] = { name = name, parameters = {
      type = "object", properties = { city = { type = "string" } }, required = { "city" } } } }
  end

  it("bring parallel tool calls in fragments, in both manners", function()
    for model, bare in pairs { [ask.model] = false, ["moonshotai/kimi-k2.5"] = true } do
      local chunks = ask.stream { model = model, tools = tools,
        messages = ask.user("Weather and forecast for Berlin") }
      local calls, firsts = assemble(chunks)
      local arguments = '{"city":"Berlin"}'
      assert.are.same({ { name = "get_weather", arguments = arguments },
        { name = "get_forecast", arguments = arguments } }, calls)
      assert.are.equal(bare, firsts[1]["function"].arguments == nil)
      assert.are.equal("tool_calls", chunks[#chunks].choices[1].finish_reason)
    end
  end)
end)
