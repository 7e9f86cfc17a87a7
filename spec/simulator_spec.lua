-- The simulator itself, seen through bare sockets: if it errs, every other spec is worth nothing.

local cjson = require("cjson")
local socket = require("socket")

local data = require("spec.support.data")
local raw = require("spec.support.raw")
local simulator = require("spec.support.sim")

local MODEL = "deepseek/deepseek-v3-0324"
local FOREVER = 0.03

local sim

-- Sends a chat request: `fields` over a plain one. Returns the answer and its decoded body.
local function chat(fields, options)
  local body = { model = MODEL, messages = { { role = "user", content = "Hello there" } } }
  for name, value in pairs(fields or {}) do body[name] = value end
  options = options or {}
  options.path, options.body = "/chat/completions", options.body or cjson.encode(body)
  local answer = assert(raw.request(options.url or sim.url, options))
  local ok, decoded = pcall(cjson.decode, answer.body)
  return answer, ok and decoded or nil
end

local function user(text)
  return { { role = "user", content = text } }
end

-- The data of a stream's events.
local function events_of(body)
  local list = {}
  for event in body:gmatch("data: (.-)\n\n") do list[#list + 1] = event end
  return list
end

-- Streams a chat; returns the decoded chunks and whether [DONE] came last.
local function stream(fields)
  fields.stream = true
  local answer = chat(fields)
  local events, chunks = events_of(answer.body), {}
  local done = events[#events] == "[DONE]"
  for index = 1, #events - (done and 1 or 0) do chunks[index] = cjson.decode(events[index]) end
  return chunks, done, answer
end

-- One member of the deltas of a choice, joined.
local function joined(chunks, name, choice)
  local parts = {}
  for _, chunk in ipairs(chunks) do
    for _, item in ipairs(chunk.choices) do
      local text = item.delta[name]
      if item.index == (choice or 0) and type(text) == "string" then parts[#parts + 1] = text end
    end
  end
  return table.concat(parts)
end

-- Sends a plain chat request on a new connection and leaves the reading to the caller.
local function open_chat(fields)
  local wire = raw.connect(sim.url)
  local body = { model = MODEL, messages = user("Hello there") }
  for name, value in pairs(fields or {}) do body[name] = value end
  wire:send { path = "/chat/completions", body = cjson.encode(body) }
  return wire
end

local function curl(arguments)
  local pipe = io.popen("curl -sS -m 2 " .. arguments .. " 2>&1")
  local text = pipe:read("*a")
  pipe:close()
  return text
end

describe("the simulator", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  describe("language of data", function()
    it("brings back what it was given, on one line", function()
      local every = {}
      for byte = 0, 255 do every[#every + 1] = string.char(byte) end
      local value = {
        table.concat(every), "\\\n\r\\n\0009", 1, -2.5, 1e300, true, false, data.null,
        { a = { 1 }, ["end"] = "x", [7] = "seven" },
      }
      local text = data.encode(value)
      assert.is_nil(text:find("\n"))
      assert.are.same(value, data.decode(text))
      assert.are.equal(data.null, data.decode("{ a = null }").a)
    end)

    it("is data and nothing else", function()
      assert.is_nil(data.decode("os.exit(1)"))
      assert.is_nil(data.decode("{"))
      assert.has_error(function() data.encode(print) end)
    end)
  end)

  describe("without a script", function()
    it("answers a chat as Novita does", function()
      local answer, body = chat()
      assert.are.equal(200, answer.status)
      assert.are.equal("application/json", answer.header["content-type"])
      assert.are.equal(32, #answer.header["x-request-id"])
      assert.are.equal("chat.completion", body.object)
      assert.are.equal(MODEL, body.model)
      assert.are.equal("stop", body.choices[1].finish_reason)
      assert.are.equal("assistant", body.choices[1].message.role)
      assert.is_truthy(body.choices[1].message.content:find("Hello there", 1, true))
      assert.is_false(body.choices[1].content_filter_results.hate.filtered)
      assert.are.equal("", body.system_fingerprint)
    end)

    it("answers the same request with the same bytes", function()
      assert.are.equal(chat().body, chat().body)
    end)

    it("knows three bases and the one in between", function()
      local host = sim.url:match("^(.*)/openai/v1$")
      for _, base in ipairs { "/openai/v1", "/openai", "/v3/openai", "/v3/openai/v1" } do
        assert.are.equal(200, chat(nil, { url = host .. base }).status)
      end
      assert.are.equal("404 page not found", chat(nil, { url = host .. "/v2" }).body)
      assert.are.equal("404 page not found", chat(nil, { method = "GET" }).body)
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
        local answer, body = chat(nil, { key = case[1] })
        assert.are.equal(case[2], answer.status)
        assert.are.equal(case[2], body.code)
        assert.are.equal(case[3], body.reason)
        assert.are.equal(32, #answer.header["x-request-id"])
      end
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
      { { response_format = { type = "xml" } }, 400, "invalid request" },
      { { messages = { { role = "user", content = { image } } } }, 400, "vision not support" },
      { { model = "qwen/qwen3.8-max", messages = { { role = "user", content = "a" },
        { role = "system", content = "b" } } }, 400, "System message must be at the beginning%." },
      { { model = "Sao10K/L3-8B-Stheno-v3.2", tools = { { type = "function" } } }, 400,
        "function calling not support" },
    }
    for index, case in ipairs(refusals) do
      it("refuses a bad request, case " .. index .. ": " .. case[3], function()
        local answer, body = chat(case[1])
        assert.are.equal(case[2], answer.status)
        assert.is_truthy(body.message:find(case[3]), body.message)
      end)
    end

    it("refuses what is not JSON, and integers with a point", function()
      assert.are.equal(400, chat(nil, { body = "{" }).status)
      assert.are.equal(400, chat(nil, { body = "[1]" }).status)
      assert.are.equal(400, chat(nil, { body = '{"model":"' .. MODEL .. '","max_tokens":8.0,'
        .. '"messages":[{"role":"user","content":"x"}]}' }).status)
    end)
  end)

  describe("answers", function()
    local function content(fields)
      local _, body = chat(fields)
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
      assert.are.equal(text, content { model = "simulator/echo", messages = user(text) })
      local request = '{"model":"simulator/request","messages":[{"role":"user","content":"x"}]}'
      local _, body = chat(nil, { body = request })
      assert.are.equal(request, body.choices[1].message.content)
    end)

    it("give bullets when asked for bullets", function()
      local text = content { messages = user("Summarize in 3 bullets: Cats sleep. Dogs bark.") }
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
      local _, body = chat { tools = { weather, tool("get_time") },
        messages = user("Weather and time in Berlin?") }
      local choice = body.choices[1]
      assert.are.equal("tool_calls", choice.finish_reason)
      assert.are.equal(cjson.null, choice.message.content)
      assert.are.equal(2, #choice.message.tool_calls)
      assert.are.equal("get_weather", choice.message.tool_calls[1]["function"].name)
      assert.are.equal('{"city":"Berlin"}', choice.message.tool_calls[1]["function"].arguments)
      assert.are_not.equal(choice.message.tool_calls[1].id, choice.message.tool_calls[2].id)
    end)

    it("call no tool that is not wanted, and one that is required", function()
      local _, body = chat { tools = { weather } }
      assert.are.equal("stop", body.choices[1].finish_reason)
      body = select(2, chat { tools = { weather }, tool_choice = "required" })
      assert.are.equal("tool_calls", body.choices[1].finish_reason)
      body = select(2, chat { tools = { weather }, tool_choice = "none",
        messages = user("get_weather") })
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
      body = select(2, chat { model = "deepseek/deepseek-v4-pro", enable_thinking = false })
      assert.is_nil(body.choices[1].message.reasoning_content)
    end)
  end)

  describe("streams", function()
    it("send one token a chunk, the role first, [DONE] last", function()
      local chunks, done, answer = stream { model = "simulator/count-3" }
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
      for _, model in ipairs { MODEL, "moonshotai/kimi-k2.6", "deepseek/deepseek-v4-flash" } do
        local _, body = chat { model = model }
        local chunks = stream { model = model }
        local message = body.choices[1].message
        assert.are.equal(message.content, joined(chunks, "content"))
        assert.are.equal(message.reasoning_content or "", joined(chunks, "reasoning_content"))
      end
    end)

    it("give no usage unless asked", function()
      for _, chunk in ipairs((stream { model = "deepseek/deepseek-v4-pro" })) do
        assert.is_nil(chunk.usage)
      end
    end)

    local asked = { include_usage = true }

    it("put usage in a chunk of its own", function()
      local chunks = stream { stream_options = asked }
      local last = table.remove(chunks)
      assert.are.same({}, last.choices)
      assert.is_true(last.usage.total_tokens > 2)
      for _, chunk in ipairs(chunks) do assert.are.equal(cjson.null, chunk.usage) end
    end)

    it("put usage beside the finish reason", function()
      local chunks = stream { model = "deepseek/deepseek-v4-pro", stream_options = asked }
      local last = table.remove(chunks)
      assert.are.equal("stop", last.choices[1].finish_reason)
      assert.is_true(last.usage.completion_tokens_details.reasoning_tokens > 0)
      for _, chunk in ipairs(chunks) do assert.is_nil(chunk.usage) end
    end)

    it("put running usage in every chunk", function()
      local chunks = stream { model = "meta-llama/llama-3.1-8b-instruct", stream_options = asked }
      for index, chunk in ipairs(chunks) do
        assert.is_truthy(chunk.usage, index)
      end
      assert.are.equal(1, chunks[2].usage.completion_tokens)
      assert.are.equal(2, chunks[3].usage.completion_tokens)
    end)

    it("carry several choices by turns", function()
      local chunks = stream { model = "simulator/count-3", n = 2, stream_options = asked }
      assert.are.equal("1 2 3", joined(chunks, "content", 0))
      assert.are.equal("1 2 3", joined(chunks, "content", 1))
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
      for model, bare in pairs { [MODEL] = false, ["moonshotai/kimi-k2.5"] = true } do
        local chunks = stream { model = model, tools = tools,
          messages = user("Weather and forecast for Berlin") }
        local calls, firsts = assemble(chunks)
        local arguments = '{"city":"Berlin"}'
        assert.are.same({ { name = "get_weather", arguments = arguments },
          { name = "get_forecast", arguments = arguments } }, calls)
        assert.are.equal(bare, firsts[1]["function"].arguments == nil)
        assert.are.equal("tool_calls", chunks[#chunks].choices[1].finish_reason)
      end
    end)
  end)

  describe("steps", function()
    local function after(step)
      sim:script { step }
      return open_chat()
    end

    local function answer_after(step, fields)
      sim:script { step }
      return (chat(fields))
    end

    it("are taken first in, first out, then always", function()
      sim:script { { status = 500 }, { status = 503 } }
      sim:always { status = 429 }
      local seen = {}
      for index = 1, 4 do seen[index] = chat().status end
      assert.are.same({ 500, 503, 429, 429 }, seen)
      sim:reset()
      assert.are.equal(200, chat().status)
    end)

    it("may wait for the request they fit, and serve several", function()
      sim:script { { status = 500, match = "lucky", uses = 2 } }
      assert.are.equal(200, chat().status)
      for _ = 1, 2 do assert.are.equal(500, chat({ messages = user("lucky") }).status) end
      assert.are.equal(200, chat({ messages = user("lucky") }).status)
    end)

    it("set status, phrase, version, headers and body", function()
      local answer = answer_after {
        status = 418, phrase = "I am a teapot", version = "1.0", body = "short\0stout",
        content_type = "text/tea", headers = { { "A", "1" }, { "A", "2" }, ["x-b"] = "3" },
      }
      assert.are.equal("HTTP/1.0 418 I am a teapot", answer.line)
      assert.are.equal("short\0stout", answer.body)
      assert.are.equal("text/tea", answer.header["content-type"])
      assert.are.same({ { "A", "1" }, { "A", "2" }, { "x-b", "3" } },
        { answer.headers[#answer.headers - 2], answer.headers[#answer.headers - 1],
          answer.headers[#answer.headers] })
    end)

    it("replace default headers, or leave only their own", function()
      local answer = answer_after { headers = { ["X-Request-Id"] = "mine" } }
      assert.are.equal("mine", answer.header["x-request-id"])
      local wire = after { headers_only = true, headers = { { "A", "1" } }, body = "x",
        ending = "close" }
      assert.are.equal("HTTP/1.1 200 OK\r\nA: 1\r\n\r\nx", wire:read_all())
    end)

    it("answer errors in every shape", function()
      local cases = {
        { { status = 429 }, '^{"code":429,"reason":"RATE_LIMIT_EXCEEDED","message":' },
        { { status = 429, reason = "TOKEN_LIMIT_EXCEEDED" }, '"reason":"TOKEN_LIMIT_EXCEEDED"' },
        { { status = 503 }, '"reason":"SERVICE_NOT_AVAILABLE"' },
        { { status = 429, envelope = "B" }, '^{"message":"server overload.*"server_overload"}\n$' },
        { { status = 400, envelope = "B", code = "500" }, '^{"code":"500","message":' },
        { { status = 500, envelope = "C", message = "no" }, '^{"error":{.*"message":"no"' },
        { { status = 502, envelope = "html" }, "^<!DOCTYPE html>" },
        { { status = 403, envelope = "text", message = "error code: 1010" }, "^error code: 1010$" },
        { { status = 500, envelope = "empty" }, "^$" },
        { { envelope = "C", code = 429 }, '"code":429' },
      }
      for _, case in ipairs(cases) do
        local answer = answer_after(case[1])
        assert.are.equal(case[1].status or 200, answer.status)
        assert.is_truthy(answer.body:find(case[2]), answer.body)
      end
    end)

    it("redirect", function()
      local answer = answer_after { redirect = "http://127.0.0.1:1/x" }
      assert.are.equal(307, answer.status)
      assert.are.equal("http://127.0.0.1:1/x", answer.header.location)
      assert.are.equal(302, answer_after({ status = 302, redirect = "/" }).status)
    end)

    it("wait before anything, before the headers and before the body", function()
      for _, name in ipairs { "delay", "delay_headers", "delay_body" } do
        local started = socket.gettime()
        local wire = after { [name] = 0.02, body = "x" }
        if name == "delay" then assert.is_true(wire:is_silent(0.01)) end
        assert.are.equal("x", wire:read().body)
        assert.is_true(socket.gettime() - started >= 0.02)
      end
      local wire = after { delay_headers = 0.02, body = "x", connection = "close" }
      assert.are.equal("HTTP/1.1 200 OK\r", (wire.sock:receive(16)))
      assert.are.equal("\n", (wire.sock:receive(1)))
      assert.is_true(wire:is_silent(0.01))
    end)

    it("send bodies in pieces", function()
      local answer = answer_after { body = "abcdefg", chunked = true, piece = 3 }
      assert.are.same({ "abc", "def", "g" }, answer.chunks)
      local started = socket.gettime()
      answer = answer_after { body = "abcdefg", piece = 3, pause = 0.01 }
      assert.are.equal("abcdefg", answer.body)
      assert.are.equal("7", answer.header["content-length"])
      assert.is_true(socket.gettime() - started >= 0.02)
    end)

    it("split the whole answer, head and all", function()
      local wire = after { body = "abc", split = 20, pause = 0.01 }
      assert.are.equal(20, #wire.sock:receive(20))
      assert.is_true(wire:is_silent(0.005))
    end)

    it("repeat a body", function()
      assert.are.equal("ababab", answer_after({ body = "ab", body_times = 3 }).body)
    end)

    it("frame bodies in any way", function()
      local answer = answer_after { body = "abc", chunked = true }
      assert.is_nil(answer.header["content-length"])
      assert.are.same({ "abc" }, answer.chunks)
      answer = answer_after { body = "abc", content_length = false }
      assert.is_nil(answer.header["content-length"])
      assert.are.equal("close", answer.header.connection)
      assert.are.equal("abc", answer.body)
      local text = after({ body = "abc", content_length = "-5", connection = "close" }):read_all()
      assert.is_truthy(text:find("\r\nContent%-Length: %-5\r\n.*\r\n\r\nabc$"))
      text = after({ body = "abc", connection = "close", headers = { { "Content-Length", "3" },
        { "Content-Length", "2" } } }):read_all()
      assert.is_truthy(text:find("Content%-Length: 3\r\nContent%-Length: 2\r\n"))
    end)

    it("cut bodies short, with every ending", function()
      local text, err = after({ body = "abcdef", cut = 4, ending = "close" }):read_all()
      assert.is_nil(err)
      assert.is_truthy(text:find("Content%-Length: 6\r\n\r\nabcd$"))
      text, err = after({ body = "abcdef", cut = 4, ending = "reset" }):read_all()
      assert.are.equal("closed", err)
      assert.is_truthy(text:find("\r\n\r\nabcd$"))
      local wire = after { body = "abcdef", cut = 4, ending = "half_close" }
      text, err = wire:read_all()
      assert.is_nil(err)
      assert.is_truthy(text:find("\r\n\r\nabcd$"))
      wire:send_bytes("still heard")
      wire = after { body = "abcdef", cut = 4, ending = "stall" }
      wire.sock:settimeout(FOREVER)
      text, err = wire:read_all()
      assert.are.equal("timeout", err)
      assert.is_truthy(text:find("\r\n\r\nabcd$"))
    end)

    it("stall for a while and go on", function()
      local started = socket.gettime()
      local answer = answer_after { body = "abcdef", cut = 4, ending = "stall", stall = 0.02 }
      assert.are.equal("abcdef", answer.body)
      assert.is_true(socket.gettime() - started >= 0.02)
    end)

    it("cut the head", function()
      local text, err = after({ cut_head = 5 }):read_all()
      assert.is_nil(err)
      assert.are.equal("HTTP/1.1 200 OK\r\nDate:", text)
    end)

    it("leave out the final chunk", function()
      local text = after({ body = "abc", chunked = true, final_chunk = false }):read_all()
      assert.is_truthy(text:find("\r\n\r\n3\r\nabc\r\n$"))
    end)

    it("send interim answers first", function()
      local wire = after { interim = { "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n", 0.001,
        "HTTP/1.1 102 Processing\r\n\r\n" } }
      assert.are.equal(103, wire:read().status)
      assert.are.equal(102, wire:read().status)
      assert.are.equal(200, wire:read().status)
    end)

    it("grow the head", function()
      local answer = answer_after { header_bytes = 300000 }
      local size = 0
      for _, field in ipairs(answer.headers) do size = size + #field[1] + #field[2] + 4 end
      assert.is_true(size > 300000 and size < 301000)
      answer = answer_after { header_bytes = 50000, header_line = 50000 }
      assert.is_true(#answer.headers[#answer.headers][2] > 49000)
    end)

    it("send anything in place of HTTP", function()
      assert.are.equal("SSH-2.0-\0nope", after({ raw = "SSH-2.0-\0nope" }):read_all())
      assert.are.equal("", after({ raw = "" }):read_all() or "")
    end)

    it("compress, or seem to", function()
      sim:script { { gzip = true, body = ("novita "):rep(20000) },
        { gzip = true, body = "abc", piece = 5, chunked = true } }
      local target = "--compressed -d {} " .. sim.url .. "/chat/completions"
      assert.are.equal(("novita "):rep(20000), curl(target))
      assert.are.equal("abc", curl(target))
    end)

    it("close connections, saying so or not", function()
      assert.are.equal("close", answer_after({ connection = "close" }).header.connection)
      local wire = after { silent_close = true }
      local answer = wire:read()
      assert.is_nil(answer.header.connection)
      assert.are.equal("closed", select(2, wire.sock:receive(1)))
      wire = after { silent_close = "request" }
      wire:read()
      assert.is_true(wire:is_silent(0.005))
      wire:send { path = "/models", method = "GET" }
      assert.are.equal("closed", select(2, wire.sock:receive(1)))
    end)

    it("answer before the body has come", function()
      sim:script { { early = true, status = 413 } }
      local wire = raw.connect(sim.url)
      wire:send_bytes("POST /openai/v1/chat/completions HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc")
      assert.are.equal(413, wire:read().status)
    end)

    it("lay an answer over the usual one", function()
      local answer = answer_after { answer = {
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
      answer = answer_after { answer = { usage = false, choices = { { content = "a" },
        { content = "b", finish_reason = false } } } }
      body = cjson.decode(answer.body)
      assert.is_nil(body.usage)
      assert.are.equal("b", body.choices[2].message.content)
      assert.is_nil(body.choices[2].finish_reason)
    end)

    it("lay an answer over a stream", function()
      sim:script { { usage = "last", answer = { reasoning_content = "Hm m", tool_calls = {
        { name = "f", arguments = { a = 1 } }, { name = "g", id = "x", arguments = "{bad" } } } } }
      local chunks, done = stream {}
      assert.is_true(done)
      assert.are.equal("Hm m", joined(chunks, "reasoning_content"))
      assert.are.equal("tool_calls", chunks[#chunks - 1].choices[1].finish_reason)
      assert.is_truthy(chunks[#chunks].usage)
    end)
  end)

  describe("stream steps", function()
    local function body_after(step)
      sim:script { step }
      return chat({ model = "simulator/count-3", stream = true }).body
    end

    it("send any events", function()
      assert.are.equal("data: one\n\ndata: two\ndata: lines\n\n: raw\n\ndata: [DONE]\n\n",
        body_after { events = { "one", "two\nlines", { raw = ": raw\n\n" } } })
      assert.are.equal("data:one\r\n\r\n",
        body_after { events = { "one" }, done = false, newline = "\r\n", space = false })
      assert.are.equal("event: e\rdata: one\r\rdata: [DONE]\r\r",
        body_after { events = { "one" }, event = "e", newline = "\r" })
      assert.are.equal("data: [DONE]\n\n", body_after { events = { "[DONE]" } })
    end)

    it("mix line endings so that every event still ends", function()
      local body = body_after { events = { "a", "b", "c", "d" }, newline = "mixed" }
      body = body:gsub("\r\n", "\n"):gsub("\r", "\n")
      assert.are.same({ "a", "b", "c", "d", "[DONE]" }, events_of(body))
    end)

    it("begin with a BOM and keep alive with comments", function()
      local body = body_after { bom = true, comments = true }
      assert.are.equal("\239\187\191: keep-alive\n\ndata: {", body:sub(1, 24))
      assert.is_truthy(body:find("\n\n: keep-alive\n\ndata: {", 1, true))
      assert.is_truthy(body_after({ comments = ": OPENROUTER" }):find("^: OPENROUTER\n\n"))
    end)

    it("break off with an error", function()
      local events = events_of(body_after { mid_error = "A" })
      assert.are.equal(4, #events)
      assert.are.equal(500, cjson.decode(events[4]).code)
      events = events_of(body_after { mid_error = { envelope = "B", after = 1, status = 429 },
        done = true })
      assert.are.equal("server_overload", cjson.decode(events[2]).type)
      assert.are.equal("[DONE]", events[3])
      events = events_of(body_after { mid_error = { envelope = "C", after = 0, message = "no" } })
      assert.are.equal("no", cjson.decode(events[1]).error.message)
      assert.is_truthy(body_after({ mid_error = { data = "x", event = "error" } })
        :find("event: error\ndata: x\n\n$"))
    end)

    it("stop without a word", function()
      assert.are.equal(5, #events_of(body_after { done = false }))
      sim:script { { cut_pieces = 2 } }
      local answer = chat({ model = "simulator/count-3", stream = true })
      assert.are.equal(2, #events_of(answer.body))
      assert.are.equal("closed", answer.cut)
      sim:script { { cut = 10, ending = "reset" } }
      answer = chat({ model = "simulator/count-3", stream = true })
      assert.are.equal('data: {"id', answer.body)
    end)

    it("place usage as told", function()
      local counts = { last = 1, finish = 1, every = 5, none = 0 }
      for place, count in pairs(counts) do
        local _, found = body_after({ usage = place }):gsub('"usage":{', "")
        assert.are.equal(count, found, place)
      end
    end)

    it("cut the bytes of the stream anywhere", function()
      local whole = body_after {}
      sim:script { { piece = 7 }, { join = true }, { piece = 1000, chunked = false } }
      local answer = chat({ model = "simulator/count-3", stream = true })
      assert.are.equal(whole, answer.body)
      assert.are.equal(math.ceil(#whole / 7), #answer.chunks)
      assert.are.same({ whole }, chat({ model = "simulator/count-3", stream = true }).chunks)
      answer = chat({ model = "simulator/count-3", stream = true })
      assert.are.equal(whole, answer.body)
      assert.is_nil(answer.header["transfer-encoding"])
    end)

    it("pace events", function()
      local started = socket.gettime()
      body_after { pace = 0.005 }
      assert.is_true(socket.gettime() - started >= 0.025)
    end)
  end)

  describe("connections", function()
    it("are kept, with what the client asks respected", function()
      local wire = raw.connect(sim.url)
      for _ = 1, 3 do
        wire:send { path = "/models", method = "GET" }
        assert.are.equal(200, wire:read().status)
      end
      wire:send { path = "/models", method = "GET", headers = { "Connection: close" } }
      assert.are.equal("close", wire:read().header.connection)
      assert.are.equal("closed", select(2, wire.sock:receive(1)))
      wire = raw.connect(sim.url)
      wire:send { path = "/models", method = "GET", version = "1.0" }
      assert.are.equal("close", wire:read().header.connection)
      local entries = sim:journal()
      assert.are.equal(entries[1].connection, entries[4].connection)
      assert.are.equal(4, entries[4].request)
      assert.are_not.equal(entries[1].connection, entries[5].connection)
      assert.are.equal("1.0", entries[5].version)
    end)

    it("take chunked bodies, and ask for those held back", function()
      local wire = raw.connect(sim.url)
      local body = cjson.encode { model = MODEL, messages = user("x") }
      wire:send { path = "/chat/completions", no_length = true,
        headers = { "Transfer-Encoding: chunked", "Expect: 100-continue" } }
      assert.are.equal(100, wire:read().status)
      wire:send_bytes(string.format("%x\r\n%s\r\n", 5, body:sub(1, 5)))
      wire:send_bytes(string.format("%X;x=y\r\n%s\r\n0\r\nTrailer: 1\r\n\r\n", #body - 5, body:sub(6)))
      assert.are.equal(200, wire:read().status)
      assert.are.equal(body, sim:journal()[1].body)
    end)

    it("that do not speak HTTP are turned away", function()
      local wire = raw.connect(sim.url)
      wire:send_bytes("PRI * HTTP/2.0\r\n\r\n")
      assert.are.equal(400, wire:read().status)
    end)

    it("can be ended before a word is said", function()
      sim:connections { { ending = "close" }, { delay = 0.005, ending = "reset" }, { ending = "stall" },
        { bytes = "220 smtp\r\n", ending = "close" }, { delay = 0.01 } }
      local _, err = raw.connect(sim.url):read()
      assert.are.equal("closed", err)
      _, err = raw.connect(sim.url):read()
      assert.are.equal("closed", err)
      assert.is_true(raw.connect(sim.url):is_silent(0.005))
      assert.are.equal("220 smtp\r\n", (raw.connect(sim.url):read_all()))
      local started = socket.gettime()
      assert.are.equal(200, chat().status)
      assert.is_true(socket.gettime() - started >= 0.01)
    end)

    it("may be refused or never answered at all", function()
      local host, port = raw.split(simulator.refused())
      assert.are.same({ nil, "connection refused" }, { socket.connect(host, port) })
      local url, close = simulator.deaf()
      host, port = raw.split(url)
      local sock = socket.tcp()
      sock:settimeout(FOREVER)
      assert.are.equal("timeout", select(2, sock:connect(host, port)))
      sock:close()
      close()
    end)
  end)

  describe("journal", function()
    it("has the request as it came", function()
      local body = '{"model":"simulator/echo"}\0'
      raw.request(sim.url, { path = "/chat/completions?x=1", body = body,
        headers = { "X-Twice: a", "x-twice:  b " } })
      local entry = sim:journal()[1]
      assert.are.equal(1, entry.number)
      assert.are.equal("POST", entry.method)
      assert.are.equal("/openai/v1/chat/completions?x=1", entry.path)
      assert.are.equal("1.1", entry.version)
      assert.are.equal(body, entry.body)
      assert.are.equal("a, b", entry.header["x-twice"])
      assert.are.same({ "X-Twice", "a" }, entry.headers[4])
      assert.are.equal("Bearer sk_spec", entry.header.authorization)
      assert.is_false(entry.tls)
      assert.are.equal(400, entry.status)
    end)

    it("has the times and sizes of the answer", function()
      sim:script { { delay = 0.01, delay_body = 0.01, body = "x", connection = "close" } }
      local text = open_chat():read_all()
      local entry = sim:wait_for(function(entries) return entries[1].last_byte and entries[1] end)
      assert.is_true(entry.first_byte - entry.received >= 0.01)
      assert.is_true(entry.last_byte - entry.first_byte >= 0.01)
      assert.is_true(entry.complete)
      assert.is_nil(entry.aborted)
      assert.are.equal(#text, sim:wait_for(function(entries) return entries[1].sent end))
    end)

    it("notices at once that a client left", function()
      local steps = { { delay = 5 }, { delay_body = 5 }, { pace = 5 }, { cut = 3, ending = "stall" },
        { piece = 1, pause = 5 } }
      for index, step in ipairs(steps) do
        sim:script { step }
        local wire = open_chat { model = "simulator/count-3", stream = true }
        assert.is_truthy(sim:wait_for(function(entries)
          return index == 1 and entries[index] or entries[index] and entries[index].first_byte
        end))
        wire:close()
        local entry = sim:wait_for(function(entries)
          return entries[index].aborted and entries[index]
        end)
        assert.is_truthy(entry, "step " .. index)
        assert.is_true(entry.client_closed - entry.received < 1)
      end
    end)

    it("waits for what is to come, and gives up", function()
      assert.is_nil(sim:wait_for(function(entries) return entries[1] end, 0.01))
      chat()
      assert.are.equal("POST", sim:wait_for(function(entries) return entries[1].method end))
    end)
  end)

  describe("limits", function()
    it("refuse requests over the minute, until it has passed", function()
      sim:limits { rpm = 2, clock = 1200, retry_after = "ms" }
      local seen = {}
      for index = 1, 3 do seen[index] = chat() end
      assert.are.equal(200, seen[2].status)
      assert.are.equal(429, seen[3].status)
      assert.are.equal("RATE_LIMIT_EXCEEDED", cjson.decode(seen[3].body).reason)
      assert.are.equal("0", seen[3].header["x-ratelimit-remaining-requests"])
      local wait = tonumber(seen[3].header["retry-after-ms"])
      assert.is_true(wait > 0 and wait <= 50)
      socket.sleep(wait / 1000)
      assert.are.equal(200, chat().status)
    end)

    it("count each model by itself", function()
      sim:limits { rpm = 1, retry_after = "seconds" }
      assert.are.equal(200, chat().status)
      assert.are.equal(200, chat({ model = "simulator/echo" }).status)
      assert.are.equal("60", chat().header["retry-after"])
    end)

    it("refuse tokens over the minute", function()
      sim:limits { tpm = 12 }
      assert.are.equal(200, chat({ model = "simulator/count-8" }).status)
      local answer, body = chat { model = "simulator/count-8" }
      assert.are.equal(429, answer.status)
      assert.are.equal("TOKEN_LIMIT_EXCEEDED", body.reason)
      assert.is_nil(answer.header["retry-after"])
    end)

    it("refuse too many at once", function()
      sim:limits { concurrent = 1 }
      sim:script { { delay_body = 5 } }
      local wire = open_chat()
      sim:wait_for(function(entries) return entries[1] end)
      local answer, body = chat()
      assert.are.equal(429, answer.status)
      assert.are.equal("server_overload", body.type)
      wire:close()
      assert.are.equal(2, sim:stats().most_active)
    end)

    it("are forgotten by a reset", function()
      sim:limits { rpm = 1 }
      chat()
      sim:reset()
      for _ = 1, 3 do assert.are.equal(200, chat().status) end
    end)
  end)

  describe("with TLS", function()
    local secure

    setup(function() secure = simulator.start { tls = true } end)
    teardown(function() secure:stop() end)
    before_each(function() secure:reset() end)

    local function get(arguments)
      return curl("-v --cacert " .. secure.ca_file .. " " .. arguments .. " " .. secure.tls_url
        .. "/models/tencent/hy3")
    end

    it("is trusted by its own CA only", function()
      local text = get("")
      assert.is_truthy(text:find('"id":"tencent/hy3"', 1, true), text)
      assert.is_truthy(text:find("server accepted http/1.1", 1, true), text)
      assert.is_true(secure:journal()[1].tls)
      assert.is_truthy(curl(secure.tls_url):find("curl: (60)", 1, true))
    end)

    it("is localhost too", function()
      local port = secure.tls_url:match(":(%d+)")
      local text = curl("--cacert " .. secure.ca_file .. " https://localhost:" .. port
        .. "/openai/v1/models/tencent/hy3 --resolve localhost:" .. port .. ":127.0.0.1")
      assert.is_truthy(text:find('"id":"tencent/hy3"', 1, true), text)
    end)

    it("breaks as scripts say", function()
      secure:script { { cut = 5, ending = "reset" }, { cut = 5 }, { content_length = false },
        { body = "abc", chunked = true, piece = 1 } }
      assert.is_truthy(get(""):find("curl: (56)", 1, true))
      assert.is_truthy(get(""):find("curl: (18)", 1, true))
      assert.is_nil(get(""):find("curl: (", 1, true))
      assert.is_truthy(get("-N"):find("abc", 1, true))
    end)

    it("can fail in the handshake", function()
      secure:connections { { when = "accept", ending = "close" }, { when = "accept", ending = "stall" },
        { when = "accept", bytes = "not TLS at all" } }
      assert.is_truthy(get(""):find("curl: (35)", 1, true))
      assert.is_truthy(get("-m 0.05"):find("curl: (28)", 1, true))
      assert.is_truthy(get(""):find("curl: (35)", 1, true))
    end)

    it("notices that a client left", function()
      secure:always { cut = 5, ending = "stall" }
      assert.is_truthy(get("-m 0.05"):find("curl: (28)", 1, true))
      assert.is_truthy(secure:wait_for(function(entries) return entries[1].aborted end))
    end)

    it("can be another host, or out of date", function()
      local other = simulator.start { tls = true, tls_host = "api.novita.ai" }
      local text = curl("--cacert " .. other.ca_file .. " " .. other.tls_url .. "/models")
      assert.is_truthy(text:find("curl: (60)", 1, true), text)
      other:stop()
      local expired = simulator.start { tls = true, tls_expired = true }
      text = curl("--cacert " .. expired.ca_file .. " " .. expired.tls_url .. "/models")
      assert.is_truthy(text:find("expired", 1, true), text)
      expired:stop()
      assert.is_nil(io.open(expired.ca_file))
    end)
  end)

  describe("life", function()
    local function is_up(url)
      local host, port = raw.split(url)
      local sock = socket.connect(host, port)
      if sock then sock:close() end
      return sock ~= nil
    end

    local function goes_down(url)
      for _ = 1, 100 do
        if not is_up(url) then return true end
        socket.sleep(0.01)
      end
      return false
    end

    it("ends when told to", function()
      local other = simulator.start()
      assert.is_true(is_up(other.url))
      other:stop()
      assert.is_false(is_up(other.url))
    end)

    it("ends when its owner has gone", function()
      local other = simulator.start { rpm = 1 }
      other.control:close()
      assert.is_true(goes_down(other.url))
    end)

    it("lends itself to a command, and goes with it", function()
      local script = "spec/support/with-simulator sh -c 'echo $NOVITA_BASE_URL $NOVITA_API_KEY;"
        .. " exit 7' 2>&1; echo $?"
      local pipe = io.popen(script)
      local text = pipe:read("*a")
      pipe:close()
      local notice, url, status = text:match("^(.-)\n(%S+) sk_simulator\n(%d+)\n$")
      assert.are.equal("7", status, text)
      assert.is_truthy(notice:find("not to Novita", 1, true))
      assert.is_false(is_up(url))
    end)

    it("says what it does not understand", function()
      local pipe = io.popen("lua5.4 spec/support/simulator.lua --nonsense 2>&1")
      assert.is_truthy(pipe:read("*a"):find("nonsense", 1, true))
      pipe:close()
      assert.has_error(function() sim:script("x") end)
    end)
  end)

  it("serves a thousand connections at once", function()
    local wires = {}
    for index = 1, 1000 do wires[index] = raw.connect(sim.url) end
    sim:always { delay_body = 0.05 }
    for _, wire in ipairs(wires) do
      wire:send { path = "/chat/completions",
        body = cjson.encode { model = "simulator/count-2", messages = user("x") } }
    end
    for _, wire in ipairs(wires) do
      assert.are.equal(200, wire:read().status)
      wire:close()
    end
    assert.are.equal(1000, #sim:journal())
  end)
end)
