-- What a server said can be sent back: lists stay lists, integers keep their digits, and decoding a
-- request and encoding it again writes the same bytes.

local core = require("novita.core")

local streaming = require("spec.support.streaming")
local talk = require("spec.support.client")

local HAS_INTEGERS = rawget(math, "type") ~= nil -- of 64 bits, from Lua 5.3 on
local LONG = "1618065507111835497"

-- The messages of a request, as JSON.
local function messages_of(request)
  local body = assert(core.body(request))
  return body:match('"messages":(%b[])')
end

describe("what was read is written the same:", function()
  local texts = {
    "[]", "{}", "[[],{},[[]]]", '{"a":[],"b":{},"c":[1,{"d":[]}],"e":[{}]}', '{"content":{}}',
    '{"input":{},"tools":[]}', '{"a":[ ],"b":{ }}', '[{"properties":{"required":{}}}]',
    '{"\\u0061\\n":[],"b\\"]":[]}', '{"a":"[]","b":"{}","c":[]}', '[null,[],true,{},"x",-1.5,[]]',
    '{"a":{"b":{"c":[]}},"z":[{"a":[]},[],{"a":{}}]}', '["\\\\",[]]', '["a\195\164",[]]',
  }
  -- Blanks and escapes are not kept.
  local function plain(text)
    return (text:gsub("%[ %]", "[]"):gsub("{ }", "{}"):gsub("\\u0061", "a"))
  end
  for _, text in ipairs(texts) do
    it(text, function()
      assert.are.equal(plain(text), core.encode(core.decode(text)))
    end)
  end

  it("lists where an object has a member twice", function()
    assert.are.equal('{"a":{}}', core.encode(core.decode('{"a":[],"a":{}}')))
    assert.are.equal('{"a":[]}', core.encode(core.decode('{"a":{},"a":[]}')))
    assert.are.equal('{"a":{"b":1}}', core.encode(core.decode('{"a":[],"a":{"b":1}}')))
    assert.are.equal('{"a":"x","b":[]}', core.encode(core.decode('{"a":[1],"a":"x","b":[]}')))
  end)

  it("broken UTF-8 apart", function()
    assert.are.equal('{"b":"\239\191\189","\239\191\189":[]}',
      core.encode(core.decode('{"b":"\\ud800","\255":[]}')))
  end)

  it("deep ones", function()
    local text = ("["):rep(190) .. ("]"):rep(190)
    assert.are.equal(text, core.encode(core.decode(text)))
    text = ('{"a":'):rep(190) .. "[]" .. ("}"):rep(190)
    assert.are.equal(text, core.encode(core.decode(text)))
  end)
end)

describe("an integer of 64 bits", function()
  local exact = { LONG, "-" .. LONG, "9007199254740993", "9223372036854775807",
    "-9223372036854775808", "9223372036854775806", "1000000000000000001" }

  it("keeps its digits where Lua has such integers", function()
    for _, digits in ipairs(exact) do
      for _, text in ipairs { "%s", "[%s]", '{"a":%s}', '{"a":{"b":[0,%s]},"c":1.5}', "[%s,%s]" } do
        text = text:gsub("%%s", digits)
        local again = core.encode(core.decode(text))
        if HAS_INTEGERS then assert.are.equal(text, again) end
      end
    end
  end)

  it("is the nearest float elsewhere, and beyond 64 bits", function()
    assert.are.equal(2 ^ 64, core.decode("18446744073709551616"))
    assert.are.equal(2 ^ 63, core.decode("[9223372036854775808]")[1])
    assert.are.equal(1.5e18, core.decode("[1500000000000000000.0]")[1])
    assert.are.equal(1618065507111835497, core.decode(LONG))
    assert.are.equal(0.1234567890123456789, core.decode("0.1234567890123456789"))
    assert.are.equal(1234567890123456789e5, core.decode("1234567890123456789e5"))
  end)

  it("where an object has a member twice", function()
    assert.are.equal('{"a":5}', core.encode(core.decode('{"a":' .. LONG .. ',"a":5}')))
    assert.are.equal('{"a":"x"}', core.encode(core.decode('{"a":' .. LONG .. ',"a":"x"}')))
  end)

  it("is kept in the arguments of a tool", function()
    local reply = core.reply { choices = { { message = { tool_calls = { {
      id = "1", ["function"] = { name = "f", arguments = '{"id":' .. LONG .. ',"of":[]}' },
    } } } } } }
    require("novita.reply")
    local arguments = reply:tool_calls()[1].arguments
    if HAS_INTEGERS then assert.are.equal(LONG, tostring(arguments.id)) end
    assert.are.equal("[]", core.encode(arguments.of))
  end)
end)

describe("a reply's message put back into messages", function()
  local message = '{"annotations":[],"audio":{},"content":"Hi","list":[{"input":{}},[]],'
    .. '"role":"assistant","tool_calls":[]}'

  it("is the same JSON", function()
    local reply = talk.gets('{"choices":[{"index":0,"message":' .. message .. "}]}")
    assert.are.equal("[" .. message .. "]",
      messages_of { model = "m", messages = { reply.choices[1].message } })
  end)

  it("is the same JSON out of a stream", function()
    local delta = '{"annotations":[],"content":"Hi","list":[{"input":{}},[]],"role":"assistant"}'
    local reply = streaming.succeeds { events = {
      '{"choices":[{"index":0,"delta":' .. delta .. ',"finish_reason":"stop"}]}' } }
    assert.are.equal("[" .. delta .. "]",
      messages_of { model = "m", messages = { reply.choices[1].message } })
  end)

  it("keeps the seed of 64 bits of a reply", function()
    local reply = talk.gets('{"choices":[{"message":{"content":"x"}}],"seed":' .. LONG .. "}")
    if HAS_INTEGERS then assert.are.equal(LONG, tostring(reply.seed)) end
  end)
end)

describe("decoding a request and encoding it again writes the same bytes:", function()
  local schema = { type = "object", properties = { a = { type = "string" } } }
  local requests = {
    { message = "Hi" },
    { system_prompt = "Be brief", message = { { type = "text", text = "x" } } },
    { messages = { { role = "user", content = "1" }, { role = "assistant" } }, message = 5 },
    { message = "Hi", stream = true, temperature = 0.5, top_p = 1, user = "u", seed = 7 },
    { message = "Hi", stream = true, stream_options = { include_usage = false }, zeta = {} },
    { message = "Hi", response_format = { schema = schema } },
    { message = "Hi", response_format = { schema = schema, name = "n", description = "d" } },
    { message = "Hi", response_format = { schema = schema, strict = true, description = "d" } },
    { message = "Hi", response_format = "json", max_tokens = "100", stop = {} },
    { message = "Hi", tools = { { type = "function", ["function"] = { name = "f",
      parameters = { type = "object", properties = {}, required = {} } } } } },
  }
  for number, request in ipairs(requests) do
    it("request " .. number, function()
      request.model = "m"
      local body = assert(core.body(request))
      assert.are.equal(body, core.body(assert(core.decode(body))))
    end)
  end
end)
