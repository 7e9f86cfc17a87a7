-- Requests that are wrong: a config error names the field and the value, and nothing is sent.

local novita = require("novita")

local talk = require("spec.support.client")

local NAN, INF = 0 / 0, 1 / 0

local function with(fields)
  return talk.request(fields)
end

local cycle = { name = "x" }
cycle.list = { { back = cycle } }

local request_cycle = with {}
request_cycle.metadata = { request = request_cycle }

local NUMBER, TEXT = " is not a number", " is not a text or a list of content parts"
local COUNT = " is not an integer of at least 1"

-- What is wrong, the request, err.param, and the rest of the message.
local cases = {
  { "no model", { message = "Hi" }, "model", "is missing" },
  { "a model that is a number", with { model = 1 }, "model", "1 is not the name of a model" },
  { "an empty model", with { model = "" }, "model", '"" is not the name of a model' },
  { "a model of null", with { model = novita.null }, "model", "null is not the name of a model" },
  { "no message", { model = "m" }, "message", "is missing" },
  { "no message, but a system prompt", { model = "m", system_prompt = "S" }, "message",
    "is missing" },
  { "no message in messages", { model = "m", messages = {} }, "message", "is missing" },
  { "a message of true", with { message = true }, "message", "true" .. TEXT },
  { "a message without parts", with { message = {} }, "message", "a table" .. TEXT },
  { "one part as message", with { message = { text = "Hi" } }, "message", "a table" .. TEXT },
  { "a function as system prompt", with { system_prompt = print }, "system_prompt",
    "a function" .. TEXT },
  { "a message that is no number", with { message = NAN }, "message", "NaN is not a JSON number" },

  { "temperature in words", with { temperature = "abc" }, "temperature", '"abc"' .. NUMBER },
  { "a number and more", with { temperature = "1e3x" }, "temperature", '"1e3x"' .. NUMBER },
  { "hexadecimal", with { temperature = "0x10" }, "temperature", '"0x10"' .. NUMBER },
  { "a blank before", with { temperature = " 1" }, "temperature", '" 1"' .. NUMBER },
  { "a blank after", with { temperature = "1 " }, "temperature", '"1 "' .. NUMBER },
  { "an empty string", with { temperature = "" }, "temperature", '""' .. NUMBER },
  { "nan in words", with { temperature = "nan" }, "temperature", '"nan"' .. NUMBER },
  { "a plus", with { temperature = "+1" }, "temperature", '"+1"' .. NUMBER },
  { "a leading zero", with { temperature = "01" }, "temperature", '"01"' .. NUMBER },
  { "a decimal comma", with { temperature = "0,7" }, "temperature", '"0,7"' .. NUMBER },
  { "nothing after the point", with { temperature = "1." }, "temperature", '"1."' .. NUMBER },
  { "a number and a zero byte", with { temperature = "1\0" }, "temperature", '"1\\0"' .. NUMBER },
  { "NaN", with { temperature = NAN }, "temperature", "NaN" .. NUMBER },
  { "infinity", with { temperature = INF }, "temperature", "inf" .. NUMBER },
  { "a table", with { temperature = {} }, "temperature", "a table" .. NUMBER },
  { "null", with { temperature = novita.null }, "temperature", "null" .. NUMBER },
  { "temperature 3", with { temperature = 3 }, "temperature", "3 is not within 0 to 2" },
  { "temperature -0.1", with { temperature = -0.1 }, "temperature", "-0.1 is not within 0 to 2" },
  { "temperature 2.1", with { temperature = "2.1" }, "temperature", '"2.1" is not within 0 to 2' },
  { "temperature 1e999", with { temperature = "1e999" }, "temperature", '"1e999"' .. NUMBER },
  { "top_p 1.5", with { top_p = 1.5 }, "top_p", "1.5 is not within 0 to 1" },
  { "top_p false", with { top_p = false }, "top_p", "false" .. NUMBER },
  { "max_tokens 1.5", with { max_tokens = 1.5 }, "max_tokens", "1.5" .. COUNT },
  { "max_tokens 0", with { max_tokens = 0 }, "max_tokens", "0" .. COUNT },
  { "max_tokens 1.5 in words", with { max_tokens = "1.5" }, "max_tokens", '"1.5"' .. COUNT },
  { "max_tokens -1", with { max_tokens = -1 }, "max_tokens", "-1" .. COUNT },
  { "max_tokens of infinity", with { max_tokens = INF }, "max_tokens", "inf" .. COUNT },

  { "an unknown format", with { response_format = "xml" }, "response_format",
    '"xml" is not "text", "json_object" or a table' },
  { "a format of 1", with { response_format = 1 }, "response_format",
    "1 is not a string or a table" },
  { "a format that says nothing", with { response_format = { name = "x" } }, "response_format",
    "has neither a type nor a schema" },
  { "a stream of 1", with { stream = 1 }, "stream", "1 is not true or false" },

  { "messages that are a text", with { messages = "Hi" }, "messages",
    '"Hi" is not a list of messages' },
  { "one message for a list", with { messages = { role = "user", content = "Hi" } }, "messages",
    "a table is not a list of messages" },
  { "a text among messages", with { messages = { "Hi" } }, "messages[1]",
    '"Hi" is not a message, a table with role and content' },
  { "a message without a role", with { messages = { { content = "Hi" } } }, "messages[1].role",
    "is missing" },
  { "a role of 1", with { messages = { { role = 1, content = "Hi" } } }, "messages[1].role",
    "1 is not a role" },
  { "a message without content", with { messages = { { role = "user" } } }, "messages[1].content",
    "is missing" },

  { "NaN deep inside", with { tools = { { a = { ["b c"] = NAN } } } }, "tools[1].a.b c",
    "NaN is not a JSON number" },
  { "infinity in a message", with { messages = { { role = "user", content = -INF } } },
    "messages[1].content", "-inf is not a JSON number" },
  { "a function inside", with { tools = { { f = print } } }, "tools[1].f",
    "a function can't be sent" },
  { "a coroutine inside", with { x = { coroutine.create(function() end) } }, "x[1]",
    "a thread can't be sent" },
  { "a file inside", with { x = io.stdout }, "x", "a userdata can't be sent" },
  { "a cycle", with { x = cycle }, "x.list[1].back", "a table that contains itself" },
  { "a request inside itself", request_cycle, "metadata.request", "a table that contains itself" },
  { "a list with a named member", with { x = { 1, 2, a = 3 } }, "x.a",
    "is in a list, which can't have named members" },
  { "a list with a hole", with { x = { 1, 2, nil, 4 } }, "x[3]",
    "is missing, and a list can't have holes" },
  { "a list with a wide hole", with { x = { 1, [1000] = 2 } }, "x[2]",
    "is missing, and a list can't have holes" },
  { "a list with a fraction", with { x = { 1, [1.5] = 2 } }, "x",
    "1.5 is not a place in a list" },
  { "an object with a number for a name", with { x = { [7] = 1 } }, "x",
    "7 can't be a member's name: it is not a string" },
  { "an object with true for a name", with { x = { [true] = 1 } }, "x",
    "true can't be a member's name: it is not a string" },
  { "invalid UTF-8 in a value", with { message = "fa\231ade" }, "message",
    "invalid UTF-8 at byte 3" },
  { "a surrogate in a value", with { x = { "\237\160\128" } }, "x[1]", "invalid UTF-8 at byte 1" },
  { "invalid UTF-8 in a name", with { x = { ["a\255"] = 1 } }, "x.a\239\191\189",
    "invalid UTF-8 at byte 2" },
}

describe("a request is refused, and nothing sent, for", function()
  for _, case in ipairs(cases) do
    it(case[1], function()
      local err = talk.refuses(case[2])
      assert.are.equal("config", err.kind)
      assert.are.equal(case[3], err.param)
      assert.are.equal(case[3] .. ": " .. case[4], err.message)
      assert.are.equal("config: " .. err.message, tostring(err))
      assert.is_nil(err.status)
    end)
  end

  it("a field that has no name", function()
    local err = talk.refuses(with { "Hi" })
    assert.are.equal("1 can't be a member's name: it is not a string", err.message)
    assert.is_nil(err.param)
  end)

  it("what only a metatable gives, since only the table itself is sent", function()
    local inherited = setmetatable({ message = "Hi" }, { __index = { model = talk.MODEL } })
    assert.are.equal("model: is missing", talk.refuses(inherited).message)
  end)
end)
