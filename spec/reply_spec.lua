-- What a reply can do beside being a table (behaviour.md 11).

local core = require("novita.core")
local novita = require("novita")

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

require("novita.reply")

-- A reply with one choice.
local function reply_with(message, finish_reason)
  return core.reply {
    choices = { { index = 0, message = message, finish_reason = finish_reason or "stop" } },
  }
end

local function tool_call(name, arguments)
  return { id = "call_" .. name, type = "function",
    ["function"] = { name = name, arguments = arguments } }
end

describe("reply:text()", function()
  it("is the content of the first choice", function()
    assert.equal("Hi", reply_with({ content = "Hi" }):text())
    assert.equal("", reply_with({ content = "" }):text())
  end)

  it("is nil where there is none", function()
    assert.is_nil(reply_with({}):text())
    assert.is_nil(reply_with({ content = { { type = "text" } } }):text())
    assert.is_nil(core.reply({ choices = {} }):text())
    assert.is_nil(core.reply({}):text())
  end)

  it("is what tostring gives, never nil", function()
    assert.equal("Hi", tostring(reply_with { content = "Hi" }))
    assert.equal("", tostring(reply_with {}))
  end)

  it("joins a string, and another", function()
    local reply = reply_with { content = "Hi" }
    assert.equal("> Hi, 2", "> " .. reply .. ", " .. 2)
    assert.equal("HiHi>", reply .. reply .. ">")
    assert.equal(">", reply_with {} .. ">")
    assert.has_error(function() return reply .. {} end, "attempt to concatenate a table value")
  end)
end)

describe("reply:json()", function()
  for text, value in pairs {
    ['{"a":[1,{"b":true}]}'] = { a = { 1, { b = true } } }, ["17"] = 17, ['"x"'] = "x",
    ["  [] \n"] = {}, ["true"] = true,
  } do
    it("reads " .. text:gsub("\n", " "), function()
      local read, err = reply_with({ content = text }):json()
      assert.same(value, read)
      assert.is_nil(err)
    end)
  end

  it("reads false and null as what they are", function()
    assert.is_false(reply_with({ content = "false" }):json())
    assert.equal(novita.null, reply_with({ content = "null" }):json())
  end)

  it("is nil without an error where the model refused or said nothing", function()
    for _, message in ipairs { {}, { content = "" }, { refusal = "No." },
      { content = '{"half', refusal = "No." } } do
      assert.equal(0, select("#", reply_with(message):json()) - 1)
      assert.is_nil((reply_with(message):json()))
    end
    assert.same({}, reply_with({ content = "{}", refusal = "" }):json())
  end)

  it("is an error where the answer was cut", function()
    for reason, kind in pairs {
      length = "length_finish", content_filter = "content_filter_finish",
    } do
      local reply = reply_with({ content = "{}" }, reason)
      local value, err = reply:json()
      assert.is_nil(value)
      assert.equal(kind, err.kind)
      assert.equal(reply, err.partial)
    end
  end)

  it("is an error where it is not JSON, which the message does not repeat", function()
    for _, text in ipairs { "private words", '{"private":', "{} private", "NaN",
      '{"private":"\1"}', "```json\n{private}\n```", "```\n1\n```\nor\n```\n2\n```" } do
      local reply = reply_with { content = text }
      local value, err = reply:json()
      assert.is_nil(value)
      assert.equal("invalid_response", err.kind)
      assert.is_nil(err.message:find("private", 1, true))
      assert.equal(text, err.partial:text())
    end
  end)
end)

describe("reply:tool_calls()", function()
  it("is an empty list where there are none", function()
    assert.same({}, (reply_with({ content = "Hi" }):tool_calls()))
    assert.same({}, (reply_with({ content = "Hi" }, "length"):tool_calls()))
  end)

  it("has id, name, arguments and their text", function()
    assert.same({
      { id = "call_f", name = "f", arguments = { x = 1 }, raw = '{"x":1}' },
      { id = "call_g", name = "g", arguments = {}, raw = "{}" },
    }, (reply_with({ tool_calls = { tool_call("f", '{"x":1}'), tool_call("g", "{}") } },
      "tool_calls"):tool_calls()))
  end)

  it("takes no arguments in whichever way they are said", function()
    for _, arguments in ipairs { "", " ", "null", "{}", {}, false } do
      local calls = reply_with({ tool_calls = { tool_call("f", arguments or nil) } }):tool_calls()
      assert.same({}, calls[1].arguments)
    end
  end)

  it("takes arguments that are an object already", function()
    local calls = reply_with({ tool_calls = { tool_call("f", { x = 1 }) } }):tool_calls()
    assert.same({ x = 1 }, calls[1].arguments)
  end)

  it("is an error where one is not JSON, which the message does not repeat", function()
    local reply = reply_with { tool_calls = { tool_call("f", "{}"), tool_call("g", '{"private') } }
    local calls, err = reply:tool_calls()
    assert.is_nil(calls)
    assert.equal("invalid_response", err.kind)
    assert.truthy(err.message:find("tool call 2 (g)", 1, true))
    assert.is_nil(err.message:find("private", 1, true))
    assert.equal(reply, err.partial)
  end)

  it("is an error where the answer was cut, though the arguments parse", function()
    for reason, kind in pairs {
      length = "length_finish", content_filter = "content_filter_finish",
    } do
      local calls, err = reply_with({ tool_calls = { tool_call("f", "{}") } }, reason):tool_calls()
      assert.is_nil(calls)
      assert.equal(kind, err.kind)
    end
  end)

  it("is there for a finish reason of another name, or none", function()
    assert.equal(1, #reply_with({ tool_calls = { tool_call("f", "{}") } }, "stop"):tool_calls())
    local reply = reply_with { tool_calls = { tool_call("f", "{}") } }
    reply.choices[1].finish_reason = nil
    assert.equal(1, #reply:tool_calls())
  end)
end)

describe("the reply of a stream that failed", function()
  before_each(function() simulator.shared():reset() end)

  local call = streaming.delta { tool_calls = { { index = 0, id = "a", ["function"] = {
    name = "f", arguments = "{}" } } } }

  it("hands out nothing to act upon, 10.5", function()
    local partial = streaming.fails({ events = { call }, done = false }).partial
    assert.equal("{}", partial.choices[1].message.tool_calls[1]["function"].arguments)
    local calls, err = partial:tool_calls()
    assert.is_nil(calls)
    assert.equal("stream_truncated", err.kind)
    partial = streaming.fails({ events = { call, streaming.finish("tool_calls") }, done = false,
      final_chunk = false }).partial
    assert.equal("stream_truncated", select(2, partial:tool_calls()).kind)
    partial = streaming.fails({ events = { streaming.chunk("{}") }, done = false }).partial
    assert.equal("stream_truncated", select(2, partial:json()).kind)
  end)

  it("is a reply like any other when all of it had arrived", function()
    local whole = { events = { call, streaming.finish("tool_calls") } }
    assert.equal("f", streaming.succeeds(whole):tool_calls()[1].name)
  end)
end)
