-- The reply: the table that a response's JSON becomes.

local novita = require("novita")

local talk = require("spec.support.client")

-- The content of a reply whose JSON holds this text as content.
local function content(json)
  return talk.gets(talk.completion(json)):text()
end

-- The value of a member "x" beside the usual ones.
local function extra(json)
  return talk.gets('{"x":' .. json .. ',"choices":[{"message":{"content":"Hi"}}]}').x
end

local function invalid(body)
  local err = talk.fails { body = body }
  assert.are.equal("invalid_response", err.kind)
  assert.are.equal(200, err.status)
  assert.are.equal(body, err.body)
  return err
end

describe("the body of an answer", function()
  local KEPT = { keep_body = true }
  -- Blanks, the order of members, a list that is empty, and digits that no float holds.
  local body = ' {"usage": {},"choices":[{"message":{"content":"Hi"}}],"list":[ ],'
    .. '"seed":18446744073709551617}\r\n'

  it("is in the info as it came, if it is to be kept", function()
    local reply, info = talk.gets(body, KEPT)
    assert.are.equal("Hi", reply:text())
    assert.are.equal(body, info.body)
  end)

  it("is in that of an answer of odd shape", function()
    local odd = '{"choices":{"message":{"content":"Hi"}}}'
    local _, info = talk.gets(odd, KEPT)
    assert.are.equal(odd, info.body)
  end)

  it("is in that of any endpoint, of JSON and of text", function()
    for _, given in ipairs { '{"a":[],"b":0.10}', "plain \0\255", "" } do
      talk.sim:reset()
      talk.sim:script { { body = given, headers = { ["content-type"] =
        given:find("{") and "application/json" or "text/plain" } } }
      local answer, info = talk.client(KEPT):request { path = "/any" }
      assert.is_truthy(answer, tostring(info))
      assert.are.equal(given, info.body)
    end
  end)

  it("is in the error of a status, and in that of an answer that can't be used", function()
    for _, options in ipairs { {}, KEPT } do
      local err = talk.fails({ status = 400, body = ' {"error" : {"message":"no"}}' }, options)
      assert.are.equal(' {"error" : {"message":"no"}}', err.body)
      assert.are.equal("[]", talk.fails({ body = "[]" }, options).body)
    end
  end)

  it("is not kept otherwise, and not of a stream", function()
    local _, info = talk.gets(body)
    assert.is_nil(info.body)
    _, info = talk.gets(body, { keep_body = false })
    assert.is_nil(info.body)
    talk.sim:reset()
    local stream = assert(talk.client(KEPT):stream(talk.request()))
    assert.is_truthy(stream:reply())
    assert.is_nil(stream.info.body)
  end)
end)

describe("a reply", function()
  it("is the table that was sent, and info beside it", function()
    local reply, info = talk.gets(talk.completion('"Hello"'))
    assert.are.same({
      id = "c-1", model = "m",
      choices = { { index = 0, finish_reason = "stop",
        message = { role = "assistant", content = "Hello" } } },
      usage = { prompt_tokens = 50, completion_tokens = 10, total_tokens = 60 },
    }, reply)
    assert.are.equal(200, info.status)
    assert.are.equal("1.1", info.http_version)
    assert.are.equal("application/json", info.headers["Content-Type"])
    assert.are.equal(("0"):rep(31) .. "1", info.request_id)
    for _, name in ipairs { "queue", "connect", "tls", "first_byte", "total" } do
      assert.is_true(info.timings[name] >= 0 and info.timings[name] < 5, name)
    end
  end)

  it("prints its counts without a fraction", function()
    local reply = talk.gets(talk.completion('"Hello"'))
    assert.are.equal("60", tostring(reply.usage.total_tokens))
    assert.are.equal("0", tostring(reply.choices[1].index))
  end)

  it("is its text to tostring and text()", function()
    local reply = talk.gets(talk.completion('"Hello"'))
    assert.are.equal("Hello", tostring(reply))
    assert.are.equal("Hello", reply:text())
  end)

  it("without content has no text, and prints as an empty one", function()
    local reply = talk.gets(talk.completion("null"))
    assert.is_nil(reply:text())
    assert.is_nil(reply.choices[1].message.content)
    assert.are.equal("", tostring(reply))
  end)

  it("needs no more than a choice with a message", function()
    local reply, info = talk.gets('{"choices":[{"message":{}}]}')
    assert.are.same({ choices = { { index = 0, message = { role = "assistant" } } } }, reply)
    assert.are.equal(200, info.status)
  end)

  it("keeps what it does not know", function()
    assert.are.same({ a = { 1, { b = "c" } } }, extra('{"a":[1,{"b":"c"}]}'))
  end)

  it("may have any status that means success", function()
    for _, status in ipairs { 200, 201, 206, 299 } do
      local reply, info = talk.answers { status = status, body = talk.completion('"Hi"') }
      assert.are.equal("Hi", tostring(reply))
      assert.are.equal(status, info.status)
    end
  end)
end)

describe("the JSON of a reply", function()
  it("leaves null members out, and holds novita.null in arrays", function()
    assert.are.same({ b = 1 }, extra('{"a":null,"b":1}'))
    assert.are.same({ novita.null, 1, novita.null }, extra("[null,1,null]"))
    assert.are.same({ {}, {} }, extra('[[],{"a":null}]'))
  end)

  it("may be long and in any script", function()
    local line = "Grüße, 世界! \240\159\152\128 \226\128\168"
    local text = line:rep(100 * 1024 / #line)
    assert.are.equal(text, content('"' .. text .. '"'))
    assert.are.equal(text, content('"' .. text:gsub("\240\159\152\128", "\\ud83d\\ude00") .. '"'))
  end)

  local texts = {
    { "a zero", '"a\\u0000b"', "a\0b" },
    { "every escape", [["\"\\\/\b\f\n\r\t\u00e9\u20AC"]], '"\\/\b\f\n\r\t\195\169\226\130\172' },
    { "a pair of surrogates", [["\uD83D\ude00"]], "\240\159\152\128" },
    { "a high surrogate alone", [["a\ud83db"]], "a\239\191\189b" },
    { "a high surrogate at the end", [["a\ud83d"]], "a\239\191\189" },
    { "a low surrogate alone", [["\ude00b"]], "\239\191\189b" },
    { "surrogates in the wrong order", [["\ude00\ud83d"]], "\239\191\189\239\191\189" },
    { "a high surrogate before an escape", [["\ud83d\n"]], "\239\191\189\n" },
    { "a high surrogate before a pair", [["\ud83d\ud83d\ude00"]],
      "\239\191\189\240\159\152\128" },
    { "backslashes before what looks like one", [["\\ud83d\\\\ude00"]], [[\ud83d\\ude00]] },
    { "a byte that is no UTF-8", '"a\255b"', "a\239\191\189b" },
    { "a character cut short", '"a\226\130"', "a\239\191\189" },
    { "a surrogate in UTF-8", '"\237\160\189"', ("\239\191\189"):rep(3) },
    { "an overlong form", '"\192\128"', ("\239\191\189"):rep(2) },
    { "beyond Unicode", '"\244\144\128\128"', ("\239\191\189"):rep(4) },
  }
  for _, case in ipairs(texts) do
    it("in a text has " .. case[1], function()
      assert.are.equal(case[3], content(case[2]))
    end)
  end

  local numbers = {
    { "60", "60" }, { "60.0", "60" }, { "6e1", "60" }, { "-0.5", "-0.5" }, { "1E-2", "0.01" },
    { "9007199254740991", ("%.0f"):format(2 ^ 53 - 1) },
  }
  for _, case in ipairs(numbers) do
    it("has a number " .. case[1], function()
      local x = extra(case[1])
      assert.are.equal(case[2], x % 1 == 0 and ("%.0f"):format(x) or tostring(x))
      local type_of = math.type -- luacheck: ignore 143
      if type_of and x % 1 == 0 then assert.are.equal("integer", type_of(x)) end
    end)
  end

  it("takes numbers too large for Lua", function()
    assert.are.equal(math.huge, extra("1e999"))
    assert.are.equal(-math.huge, extra("-1e999"))
    assert.are.equal(2 ^ 64, extra("18446744073709551616"))
  end)

  it("takes the last of two members with one name", function()
    assert.are.same({ a = 2 }, extra('{"a":1,"a":2}'))
    assert.are.same({ a = 2 }, extra('{"a":null,"a":2}'))
    assert.are.same({}, extra('{"a":1,"a":null}'))
  end)

  it("may be nested 100 deep", function()
    local value, depth = extra(("["):rep(100) .. ("]"):rep(100)), 0
    while value do value, depth = value[1], depth + 1 end
    assert.are.equal(100, depth)
  end)

  it("may begin with a byte order mark", function()
    assert.are.equal("Hi", talk.gets("\239\187\191" .. talk.completion('"Hi"')):text())
  end)

  local whole = talk.completion('"Hi"')
  local bad = {
    { "nested 100,000 deep", '{"choices":' .. ("["):rep(100000) .. ("]"):rep(100000) .. "}" },
    { "nested 100,000 deep in objects", ('{"choices":'):rep(100000) },
    { "a raw newline in a text", talk.completion('"a\nb"') },
    { "a raw zero in a text", talk.completion('"a\0b"') },
    { "a zero behind it", whole .. "\0" },
    { "a form feed before it", "\f" .. whole },
    { "garbage behind it", whole .. "x" },
    { "two of them", whole .. whole },
    { "two byte order marks", "\239\187\191\239\187\191" .. whole },
    { "a leading zero", talk.completion("01") },
    { "a bare decimal point", talk.completion("1.") },
    { "NaN", talk.completion("NaN") }, { "Infinity", talk.completion("-Infinity") },
    { "a hexadecimal number", talk.completion("0x10") },
    { "a comma too many", '{"choices":[{"message":{}},]}' },
    { "a comment", "/* */" .. whole },
  }
  for _, case in ipairs(bad) do
    it("is refused for " .. case[1], function()
      assert.is_truthy(invalid(case[2]).message:find("not JSON", 1, true))
    end)
  end

  it("is refused when cut short anywhere", function()
    local body = '{"choices":[{"message":{"content":"\195\164\\n"}}],"n":-1.5e2,"t":true}'
    for length = 1, #body - 1 do invalid(body:sub(1, length)) end
  end)
end)
