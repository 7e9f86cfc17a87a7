-- The chat request on the wire, byte for byte.
-- Covers: src/lua/chat_fields.c

local novita = require("novita")

local talk = require("spec.support.client")

local HI = '"messages":[{"content":"Hi","role":"user"}]'

-- The JSON that is sent for a request with these fields, as far as it comes from them.
local function sent(fields)
  local body = talk.sends(talk.request(fields))
  local start = '{"model":"simulator/echo",' .. HI
  assert.are.equal(start, body:sub(1, #start))
  return body:sub(#start + 1, -2)
end

-- The JSON of the messages of a request.
local function messages(request)
  request.model = talk.MODEL
  return talk.sends(request):match('"messages":(%b[])')
end

describe("a chat request", function()
  it("carries the seven inputs of the action", function()
    local body = talk.sends {
      model = "simulator/echo", message = "Hi", system_prompt = "Be brief.", temperature = 0.7,
      max_tokens = 1024, top_p = 0.9, response_format = "json_object",
    }
    assert.are.equal('{"model":"simulator/echo","messages":['
      .. '{"content":"Be brief.","role":"system"},{"content":"Hi","role":"user"}],'
      .. '"max_tokens":1024,"response_format":{"type":"json_object"},"temperature":0.7,'
      .. '"top_p":0.9}', body)
  end)

  it("is the same with strings in place of the numbers", function()
    local numbers = sent { temperature = 0.7, max_tokens = 1024, top_p = 0.9 }
    assert.are.equal(numbers, sent { temperature = "0.7", max_tokens = "1024", top_p = "0.9" })
  end)

  it("has for a string the number that Lua reads in it", function()
    for _, text in ipairs { "0.1", "0.3", "0.70", "1.123456789012345", "7e-1", "29e-22" } do
      assert.are.equal(sent { temperature = tonumber(text) }, sent { temperature = text })
    end
  end)

  local numeric = {
    { { temperature = 0 }, '"temperature":0' }, { { temperature = "0" }, '"temperature":0' },
    { { temperature = 2 }, '"temperature":2' }, { { temperature = "2.0" }, '"temperature":2' },
    { { temperature = 1e-3 }, '"temperature":0.001' },
    { { temperature = "1e-3" }, '"temperature":0.001' },
    { { top_p = 0 }, '"top_p":0' }, { { top_p = 1 }, '"top_p":1' },
    { { top_p = "1" }, '"top_p":1' }, { { top_p = 0.95 }, '"top_p":0.95' },
    { { max_tokens = 1 }, '"max_tokens":1' }, { { max_tokens = 2 ^ 20 }, '"max_tokens":1048576' },
    { { max_tokens = "1e3" }, '"max_tokens":1000' },
    { { max_tokens = "16.0" }, '"max_tokens":16' },
  }
  for _, case in ipairs(numeric) do
    it("takes the bounds of numbers, and writes each spelling the same: " .. case[2], function()
      assert.are.equal("," .. case[2], sent(case[1]))
    end)
  end

  it("is the same bytes for the same table, in another Lua state too", function()
    local fields = {
      tools = { { type = "function", ["function"] = { name = "f", strict = true } } },
      zeta = 1, alpha = 2, ["alpha "] = 3, alph = 4, A = 5,
      metadata = { b = "2", a = "1", c = "3" },
    }
    local expected = '"A":5,"alph":4,"alpha":2,"alpha ":3,"metadata":{"a":"1","b":"2","c":"3"},'
      .. '"tools":[{"function":{"name":"f","strict":true},"type":"function"}],"zeta":1'
    assert.are.equal("," .. expected, sent(fields))
    local backwards = {}
    for _, name in ipairs { "zeta", "tools", "metadata", "alpha ", "alpha", "alph", "A" } do
      backwards[name] = fields[name]
    end
    assert.are.equal("," .. expected, sent(backwards))
    local output = require("spec.support.child").run([[
      local core = require("novita.core")
      io.write(core.encode { zeta = 1, tools = { { ["function"] = { strict = true, name = "f" },
        type = "function" } }, metadata = { c = "3", a = "1", b = "2" }, alph = 4, A = 5,
        ["alpha "] = 3, alpha = 2 })
    ]])
    assert.are.equal("{" .. expected .. "}", output)
  end)
end)

describe("the messages", function()
  it("are the system prompt, those given, and the message, in this order", function()
    assert.are.equal('[{"content":"S","role":"system"},{"content":"1","role":"user"},'
      .. '{"content":"2","role":"assistant"},{"content":"M","role":"user"}]', messages {
      message = "M", system_prompt = "S", messages = {
        { role = "user", content = "1" }, { role = "assistant", content = "2" },
      },
    })
  end)

  it("may be given whole, and as a marked array", function()
    assert.are.equal('[{"content":"1","role":"user"}]',
      messages { messages = novita.array { { role = "user", content = "1" } } })
    assert.are.equal('[{"content":"M","role":"user"}]', messages { messages = {}, message = "M" })
  end)

  local texts = {
    { "number", 12, '"12"' }, { "float without fraction", 12.0, '"12"' },
    { "fraction", 0.1, '"0.1"' }, { "empty text", "", '""' },
    { "text with every escape", '"\\\b\f\n\r\t\0\31\127/\226\128\168',
      '"\\"\\\\\\u0008\\u000c\\n\\r\\t\\u0000\\u001f\127/\226\128\168"' },
    { "list of content parts",
      { { type = "text", text = "Look" }, { type = "image_url", image_url = { url = "data:x" } } },
      '[{"text":"Look","type":"text"},{"image_url":{"url":"data:x"},"type":"image_url"}]' },
  }
  for _, case in ipairs(texts) do
    it("take a " .. case[1], function()
      assert.are.equal('[{"content":' .. case[3] .. ',"role":"system"},{"content":'
        .. case[3] .. ',"role":"user"}]', messages { message = case[2], system_prompt = case[2] })
    end)
  end

  it("of an assistant without content have a null there", function()
    local call = { id = "1", type = "function", ["function"] = { name = "f", arguments = "{}" } }
    assert.are.equal('[{"content":null,"role":"assistant","tool_calls":[{"function":{'
      .. '"arguments":"{}","name":"f"},"id":"1","type":"function"}]},'
      .. '{"content":"4","role":"tool","tool_call_id":"1"}]', messages { messages = {
        { role = "assistant", tool_calls = { call } },
        { role = "tool", tool_call_id = "1", content = "4" },
      } })
  end)

  it("take a reply's message as it is", function()
    local called = '{"function":{"arguments":"{}","name":"f"},"id":"1","index":0,"type":"function"}'
    local reply = talk.gets('{"choices":[{"message":{"role":"assistant","content":null,'
      .. '"reasoning_details":[],"tool_calls":[' .. called .. ']}}]}')
    local given = { reply.choices[1].message }
    assert.are.equal('[{"content":null,"reasoning_details":[],"role":"assistant",'
      .. '"tool_calls":[' .. called .. ']}]', messages { messages = given })
  end)
end)

describe("response_format", function()
  local schema = { type = "object", properties = { a = { type = "string" } }, required = {} }
  local schema_json = '{"properties":{"a":{"type":"string"}},"required":[],"type":"object"}'
  local cases = {
    { "text", '{"type":"text"}' },
    { "json", '{"type":"json_object"}' },
    { "json_object", '{"type":"json_object"}' },
    { { type = "json_object" }, '{"type":"json_object"}' },
    { { type = "json_schema", json_schema = { name = "n", schema = schema } },
      '{"json_schema":{"name":"n","schema":' .. schema_json .. '},"type":"json_schema"}' },
    { { schema = schema },
      '{"json_schema":{"name":"response","schema":' .. schema_json .. '},"type":"json_schema"}' },
    { { schema = schema, name = "n", strict = true },
      '{"json_schema":{"name":"n","schema":' .. schema_json
      .. ',"strict":true},"type":"json_schema"}' },
  }
  for _, case in ipairs(cases) do
    it("becomes " .. case[2], function()
      assert.are.equal(',"response_format":' .. case[2], sent { response_format = case[1] })
    end)
  end
end)

describe("other fields", function()
  it("are sent as they are", function()
    assert.are.equal(',"enable_thinking":false,"future":{"deep":[{"er":true}]},'
      .. '"logit_bias":{"50256":-100},"seed":42,"stop":["a","b"],"top_k":40', sent {
      seed = 42, top_k = 40, stop = { "a", "b" }, logit_bias = { ["50256"] = -100 },
      enable_thinking = false, future = { deep = { { er = true } } },
    })
  end)

  it("make an empty table an array where the API has one, or where it is marked", function()
    assert.are.equal(',"metadata":{},"stop":[],"tools":[],"x":[],"y":[[],{}],"z":[1]', sent {
      stop = {}, tools = {}, metadata = {}, x = novita.array(), y = { novita.array {}, {} },
      z = novita.array { 1 },
    })
  end)

  it("keep an empty object where a schema's property has the name of an array", function()
    assert.are.equal(',"x":{"enum":[],"properties":{"enum":{},"required":{}},"required":[]}',
      sent { x = { enum = {}, required = {}, properties = { enum = {}, required = {} } } })
  end)

  it("have null as novita.null, in lists and objects", function()
    assert.are.equal(',"x":{"a":null,"b":[null,1,null]}',
      sent { x = { a = novita.null, b = { novita.null, 1, novita.null } } })
  end)

  it("may hold one table twice", function()
    local part = { 1 }
    assert.are.equal(',"x":{"a":[1],"b":[1]}', sent { x = { a = part, b = part } })
  end)

  local numbers = {
    { 0, "0" }, { 1, "1" }, { 1.0, "1" }, { -1, "-1" }, { 0.1, "0.1" }, { -0.5, "-0.5" },
    { 0.1 + 0.2, "0.30000000000000004" }, { 1 / 3, "0.3333333333333333" },
    { 1e15, "1000000000000000" }, { 2 ^ 53, "9007199254740992" }, { -2 ^ 53, "-9007199254740992" },
    { 2 ^ 62, "4611686018427387904" }, { 1e300, "1e+300" }, { 2 ^ -1074, "4.94065645841247e-324" },
    { 1.7976931348623157e308, "1.7976931348623157e+308" },
  }
  for _, case in ipairs(numbers) do
    it("write a number alike on every Lua: " .. case[2], function()
      assert.are.equal(',"x":' .. case[2], sent { x = case[1] })
    end)
  end
end)
