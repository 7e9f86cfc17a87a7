-- The assembled reply of a stream equals the plain reply to the same request, for every model of
-- the simulator; and the streams that were captured from Novita (novita-api.md 3.2).

local novita = require("novita")

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local sim, client

-- What differs by nature: the id is made of the request's bytes, and only plain replies have the
-- results of the content filter.
local function comparable(reply)
  reply.id = nil
  for _, choice in ipairs(reply.choices) do choice.content_filter_results = nil end
  return reply
end

local function equal(request, step)
  if step then sim:script { step, step } end
  local plain = comparable(assert(client:chat(request)))
  local streamed = comparable(assert(assert(client:stream(request)):reply()))
  assert.same(plain, streamed)
  assert.equal(getmetatable(plain), getmetatable(streamed))
  return streamed
end

local function tool(name)
  return { type = "function", ["function"] = { name = name, description = name, parameters = {
    type = "object", properties = { city = { type = "string" } }, required = { "city" },
  } } }
end

local tools = { tool("get_weather"), tool("get_population") }

describe("the assembled reply equals the plain one", function()
  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    client = streaming.client()
  end)

  -- Those of Novita; one of the simulator's own shows the request, which differs.
  local function each_model(fn)
    for _, model in ipairs(assert(client:models())) do
      if model.model_type == "chat" and not model.id:find("^simulator/") then
        fn(model.id, table.concat(model.features, " "))
      end
    end
  end

  it("to a question", function()
    local reasoned, count = 0, 0
    each_model(function(id)
      local reply = equal { model = id, message = "Hello there" }
      assert.is_true(reply.usage.total_tokens > 0)
      count = count + 1
      if reply.choices[1].message.reasoning_content then reasoned = reasoned + 1 end
    end)
    assert.is_true(count > 10)
    assert.is_true(reasoned >= 4)
  end)

  it("to a wish for two tool calls", function()
    each_model(function(id, features)
      if not features:find("function-calling", 1, true) then return end
      local reply = equal { model = id, tools = tools,
        message = "Tell me the weather and the population of Berlin" }
      assert.equal(2, #reply:tool_calls())
      assert.equal("tool_calls", reply.choices[1].finish_reason)
      assert.equal("Berlin", reply:tool_calls()[2].arguments.city)
    end)
  end)

  it("to a question for three answers", function()
    each_model(function(id)
      assert.equal(3, #equal({ model = id, message = "Hello there", n = 3 }).choices)
    end)
  end)

  it("when it is cut at max_tokens", function()
    each_model(function(id)
      local reply = equal { model = id, message = "Hello there", max_tokens = 12 }
      assert.equal("length", reply.choices[1].finish_reason)
    end)
  end)

  it("wherever the usage stands", function()
    for _, usage in ipairs { "last", "finish", "every" } do
      equal({ model = streaming.model, message = "Hi" }, { usage = usage })
    end
  end)

  it("whatever a script answers", function()
    local function answers(answer, more)
      local step = more or {}
      step.answer = answer
      return equal({ model = streaming.model, message = "Hi" }, step)
    end
    answers { content = "Grüße, 世界 🌍 \"quoted\"\n\0", reasoning_content = "Hmm." }
    answers { content = "" }
    answers { content = "a", finish_reason = "content_filter" }
    answers { message = { refusal = "I can't." }, content = simulator.null }
    for _, bare in ipairs { true, false } do
      answers({ content = "First:", tool_calls = { { name = "f" }, { name = "g", arguments = {
        x = { 1, 2 } } }, { name = "f", arguments = "" } } }, { bare_calls = bare })
      answers({ tool_calls = { { name = "f", index = 1 } } }, { merged_role = bare })
    end
  end)
end)

local function call(index, rest)
  return '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":' .. index .. "," .. rest
    .. "}]}}]}"
end

-- As they were captured, elisions filled.
local captures = {
  ["Kimi K2.5, usage last"] = { {
    '{"choices":[{"index":0,"delta":{"content":"1","role":"assistant"},"finish_reason":null}]}',
    '{"choices":[{"index":0,"delta":{"content":","},"finish_reason":null}]}',
    '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
    '{"choices":[],"usage":{"prompt_tokens":13,"completion_tokens":14,"total_tokens":27}}',
  }, { role = "assistant", content = "1," }, 27 },
  ["DeepSeek V4 Pro, usage with the finish"] = { {
    '{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"Wir"}}]}',
    '{"id":"chat-1","choices":[{"index":0,"delta":{"reasoning_content":" benötigen"}}]}',
    '{"id":"chat-1","choices":[{"index":0,"delta":{"content":"Hier"}}]}',
    '{"id":"chat-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
      .. '"usage":{"prompt_tokens":62,"completion_tokens":3574,"total_tokens":3636}}',
  }, { role = "assistant", reasoning_content = "Wir benötigen", content = "Hier" }, 3636 },
  ["Llama 3.1, usage in every chunk"] = { {
    '{"choices":[{"index":0,"delta":{"content":"API co"},"finish_reason":null}],'
      .. '"usage":{"total_tokens":49}}',
    '{"choices":[{"index":0,"delta":{"content":"st"},"finish_reason":"length"}],'
      .. '"usage":{"total_tokens":50}}',
  }, { role = "assistant", content = "API cost" }, 50 },
  ["DeepSeek, parallel calls, the last without arguments"] = { {
    '{"choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"Der"}}]}',
    call(0, '"id":"call_00","type":"function","function":{"name":"get_weather","arguments":""}'),
    call(0, '"function":{"arguments":"{\\"c"}'),
    call(0, '"function":{"arguments":"\\":1}"}'),
    call(1, '"id":"call_01","type":"function","function":{"name":"get_weather","arguments":""}'),
    '{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],'
      .. '"usage":{"total_tokens":405}}',
  }, { role = "assistant", reasoning_content = "Der", tool_calls = {
    { index = 0, id = "call_00", type = "function",
      ["function"] = { name = "get_weather", arguments = '{"c":1}' } },
    { index = 1, id = "call_01", type = "function",
      ["function"] = { name = "get_weather", arguments = "{}" } },
  } }, 405 },
  ["Kimi K2.6, a preamble and calls that begin without arguments"] = { {
    '{"choices":[{"index":0,"delta":{"role":"assistant","content":"Let me see."}}]}',
    call(0, '"id":"functions.get_weather:0","type":"function","function":{"name":"get_weather"}'),
    call(0, '"type":"function","function":{"arguments":"{}"}'),
    '{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}',
    '{"choices":[],"usage":{"total_tokens":9}}',
  }, { role = "assistant", content = "Let me see.", tool_calls = { { index = 0,
    id = "functions.get_weather:0", type = "function",
    ["function"] = { name = "get_weather", arguments = "{}" } } } }, 9 },
  ["MiniMax M2, reasoning told twice"] = { {
    '{"choices":[{"index":0,"delta":{"role":"assistant","name":"MiniMax",'
      .. '"reasoning_content":"The ",'
      .. '"reasoning_details":[{"type":"reasoning.text","text":"The ","id":"r-1","index":0}]}}]}',
    '{"choices":[{"index":0,"delta":{"reasoning_content":"user",'
      .. '"reasoning_details":[{"type":"reasoning.text","text":"user","id":"r-1","index":0}]}}]}',
    '{"choices":[{"index":0,"delta":{"content":"Yes"},"finish_reason":"stop"}]}',
  }, { role = "assistant", name = "MiniMax", reasoning_content = "The user", content = "Yes",
    reasoning_details = { { type = "reasoning.text", text = "The user", id = "r-1", index = 0 } },
  } },
}

describe("a captured stream", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  for name, capture in pairs(captures) do
    it("of " .. name, function()
      local reply = streaming.succeeds { events = capture[1] }
      assert.same(capture[2], reply.choices[1].message)
      assert.equal(capture[3], reply.usage and reply.usage.total_tokens)
      assert.is_truthy(reply:tool_calls())
    end)
  end

  it("may begin and end with Azure's chunks about filters", function()
    local reply = streaming.succeeds { events = {
      '{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"x":1}]}',
      streaming.chunk("Hi", "stop"),
      '{"choices":[{"content_filter_offsets":{},"finish_reason":null,"index":0}],"created":0,'
        .. '"id":"","model":"","object":""}',
    } }
    assert.equal("Hi", reply:text())
    assert.equal("chat-1", reply.id)
    assert.equal("m", reply.model)
    assert.same({ { x = 1 } }, reply.prompt_filter_results)
  end)

  it("is no reply when a call lacks its name", function()
    local err = select(2, streaming.open({ events = {
      '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a"}]},'
        .. '"finish_reason":"stop"}]}',
    } }):reply())
    assert.equal("invalid_response", err.kind)
    assert.equal(1, #err.partial.choices[1].message.tool_calls)
  end)

  it("may hold null in a list", function()
    local reply = streaming.succeeds { events = { '{"choices":[{"index":0,"delta":{"content":"a",'
      .. '"list":[1,null,2]},"finish_reason":"stop"}]}' } }
    assert.same({ 1, novita.null, 2 }, reply.choices[1].message.list)
  end)
end)
