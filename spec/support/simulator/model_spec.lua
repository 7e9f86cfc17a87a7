-- What the simulated model says.

local cjson = require("cjson")

local ask = require("spec.support.simulator_http")

describe("the simulator's answers", function()
  local function content(fields)
    local _, body = ask.chat(fields)
    return body.choices[1].message.content, body
  end

  it("count the tokens of prompt and answer", function()
    local _, body = content { model = "simulator/echo", messages = {
      { role = "system", content = "Be  brief." },
      { role = "user", content = { { type = "text", text = "one two three" } } },
    } }
    assert.are.equal(5, body.usage.prompt_tokens)
    assert.are.equal(3, body.usage.completion_tokens)
    assert.are.equal(8, body.usage.total_tokens)
  end)

  it("stop at max_tokens and after a stop sequence", function()
    local text, body = content { model = "simulator/count-9", max_tokens = 3 }
    assert.are.equal("1 2 3", text)
    assert.are.equal("length", body.choices[1].finish_reason)
    assert.are.equal(3, body.usage.completion_tokens)
    text, body = content { model = "simulator/count-9", max_tokens = 9, stop = { "7", "4 5" } }
    assert.are.equal("1 2 3 4 5", text)
    assert.are.equal("stop", body.choices[1].finish_reason)
  end)

  it("come n times", function()
    local _, body = content { model = "simulator/count-4", n = 3 }
    assert.are.equal(3, #body.choices)
    assert.are.equal(2, body.choices[3].index)
    assert.are.equal(12, body.usage.completion_tokens)
  end)

  it("say again, byte for byte, what they were told", function()
    local text = " a\0b \"\\ \195\169\n\t"
    assert.are.equal(text, content { model = "simulator/echo", messages = ask.user(text) })
    local request = '{"model":"simulator/request","messages":[{"role":"user","content":"x"}]}'
    local _, body = ask.chat(nil, { body = request })
    assert.are.equal(request, body.choices[1].message.content)
  end)

  it("give bullets when asked for bullets", function()
    local text = content { messages = ask.user("Summarize in 3 bullets: Cats sleep. Dogs bark.") }
    assert.are.equal("- Cats sleep\n- Dogs bark\n- There is no more to say about it.", text)
  end)

  it("are JSON when asked for JSON", function()
    local text = content { response_format = { type = "json_object" } }
    assert.are.equal("Hello there", cjson.decode(text).question)
  end)

  it("fit a schema", function()
    local schema = cjson.decode([[{ "type": "object",
      "required": ["list", "kind", "ref", "size", "flag", "any", "fixed"],
      "properties": {
        "list": { "type": "array", "items": { "type": "integer", "minimum": 4 }, "minItems": 2 },
        "kind": { "enum": ["first", "second"] }, "ref": { "$ref": "#/$defs/part" },
        "size": { "type": "number", "maximum": 0.5 }, "flag": { "type": "boolean" },
        "any": { "anyOf": [{ "type": "null" }, { "type": "string" }] },
        "fixed": { "const": 7 }, "not_required": { "type": "string" } },
      "$defs": { "part": { "type": ["string", "null"], "minLength": 6, "maxLength": 6 } } }]])
    local text = content { response_format = {
      type = "json_schema", json_schema = { name = "all", schema = schema },
    } }
    assert.are.same({ list = { 4, 4 }, kind = "first", ref = "text..", size = 0.5, flag = true,
      any = cjson.null, fixed = 7 }, cjson.decode(text))
  end)

  local function tool(name, parameters)
    return { type = "function", ["function"] = { name = name, parameters = parameters } }
  end
  local weather = tool("get_weather", { type = "object", required = { "city" },
    properties = { city = { type = "string" } } })

  it("call the tools a message names", function()
    local _, body = ask.chat { tools = { weather, tool("get_time") },
      messages = ask.user("Weather and time in Berlin?") }
    local choice = body.choices[1]
    assert.are.equal("tool_calls", choice.finish_reason)
    assert.are.equal(cjson.null, choice.message.content)
    assert.are.equal(2, #choice.message.tool_calls)
    assert.are.equal("get_weather", choice.message.tool_calls[1]["function"].name)
    assert.are.equal('{"city":"Berlin"}', choice.message.tool_calls[1]["function"].arguments)
    assert.are_not.equal(choice.message.tool_calls[1].id, choice.message.tool_calls[2].id)
  end)

  it("call no tool that is not wanted, and one that is required", function()
    local _, body = ask.chat { tools = { weather } }
    assert.are.equal("stop", body.choices[1].finish_reason)
    body = select(2, ask.chat { tools = { weather }, tool_choice = "required" })
    assert.are.equal("tool_calls", body.choices[1].finish_reason)
    body = select(2, ask.chat { tools = { weather }, tool_choice = "none",
      messages = ask.user("get_weather") })
    assert.are.equal("stop", body.choices[1].finish_reason)
  end)

  it("use what a tool said", function()
    local text = content { tools = { weather }, messages = {
      { role = "user", content = "Weather?" },
      { role = "assistant", content = "", tool_calls = {} },
      { role = "tool", tool_call_id = "x", content = "12 degrees" },
    } }
    assert.is_truthy(text:find("12 degrees", 1, true))
  end)

  it("think aloud on reasoning models, within max_tokens", function()
    local text, body = content { model = "deepseek/deepseek-v4-pro" }
    local message = body.choices[1].message
    assert.is_truthy(message.reasoning_content:find("Hello there", 1, true))
    assert.is_true(body.usage.completion_tokens_details.reasoning_tokens > 0)
    assert.is_truthy(text:find("Hello"))
    text, body = content { model = "simulator/reason", max_tokens = 2 }
    assert.are.equal("", text)
    assert.are.equal("length", body.choices[1].finish_reason)
    body = select(2, ask.chat { model = "deepseek/deepseek-v4-pro", enable_thinking = false })
    assert.is_nil(body.choices[1].message.reasoning_content)
  end)
end)
