-- novita.conversation: messages that grow by what was said, and by nothing else.

local novita = require("novita")

local core = require("novita.core")
local poll = require("novita.loop.poll")
local talk = require("spec.support.client")
local tooling = require("spec.support.tooling")

local calls, says, script, tool = tooling.calls, tooling.says, tooling.script, tooling.tool

local function new(fields)
  local all = { model = talk.MODEL }
  for name, value in pairs(fields or {}) do all[name] = value end
  return talk.client():conversation(all)
end

local function double(arguments) return arguments.x * 2 end

-- A conversation of one turn.
local function begun(fields)
  local chat = new(fields)
  assert(chat:send("Hi"))
  return chat
end

local BEGUN = { "user Hi", "assistant Hi" }

local function last_sent()
  local requests = tooling.sent()
  return requests[#requests]
end

describe("a conversation", function()
  before_each(function() talk.sim:reset() end)

  it("says what was said before with each message", function()
    local chat = new { system_prompt = "Be short.", temperature = 0.5 }
    local reply, info = chat:send("One")
    assert.are.equal("One", reply:text())
    assert.are.equal(200, info.status)
    assert.are.equal("Two", assert(chat:send("Two")):text())
    assert.are.same({ "system Be short.", "user One", "assistant One", "user Two" },
      tooling.outline(last_sent()))
    assert.are.equal(0.5, core.decode(talk.sim:journal()[2].body).temperature)
    assert.are.same({ "user One", "assistant One", "user Two", "assistant Two" },
      tooling.outline(chat.messages))
    assert.are.equal("novita.conversation (4 messages)", tostring(chat))
  end)

  it("takes content parts and numbers", function()
    local chat = new()
    local parts = { { type = "text", text = "Hello" }, { type = "text", text = "there" } }
    assert(chat:send(parts))
    assert(chat:send(7))
    assert.are.same({ parts, "Hello there", "7", "7" }, {
      chat.messages[1].content, chat.messages[2].content, chat.messages[3].content,
      chat.messages[4].content,
    })
  end)

  it("takes texts and pictures in a list of parts", function()
    local chat = new { model = "qwen/qwen2.5-vl-72b-instruct" }
    local picture = assert(novita.image("examples/neovim/screenshot.png"))
    assert(chat:send { "What is it?", picture })
    assert(chat:send("And now?"))
    local sent = tooling.sent()[2][1].content
    assert.are.same({ { type = "text", text = "What is it?" }, picture }, sent)
  end)

  it("runs tools", function()
    local chat = new { tools = { tool("double", double) } }
    script(calls({ "double", { x = 2 } }, { "double", { x = 3 } }), says("4 and 6"), says("Yes."))
    assert.are.equal("4 and 6", assert(chat:send("Double 2 and 3")):text())
    tooling.check(chat.messages)
    assert.are.equal("Yes.", assert(chat:send("Sure?")):text())
    assert.are.same({ "user Double 2 and 3", "assistant", "tool 4", "tool 6", "assistant 4 and 6",
      "user Sure?" }, tooling.outline(last_sent()))
    tooling.check(last_sent())
  end)

  it("is plain data: JSON there and back is the same conversation", function()
    local fields = { system_prompt = "Be short.", tools = { tool("double", double) } }
    local chat = new(fields)
    script(calls { "double", { x = 2 } }, { answer = { content = "4", reasoning_content = "Hm.",
      message = { annotations = {}, odd = { 1, { y = "ü" } } } } })
    assert(chat:send { { type = "text", text = "Double 2" } })
    fields.messages = assert(core.decode(assert(core.encode(chat.messages))))
    local other = new(fields)
    assert.are.same(chat.messages, other.messages)
    script(says("a"), says("a"))
    assert(chat:send("More"))
    assert(other:send("More"))
    local sent = talk.sim:journal()
    assert.are.equal(sent[1].body, sent[2].body)
    assert.are.same(chat.messages, other.messages)
  end)

  it("has no part of the table that it was made from", function()
    local given = { { role = "user", content = "Hi" }, { role = "assistant", content = "Hi" } }
    local chat = new { messages = given }
    assert(chat:send("More"))
    chat.messages[1].content = "changed"
    assert.are.same({ "user Hi", "assistant Hi" }, tooling.outline(given))
  end)

  it("may be changed between two messages", function()
    local chat = begun()
    chat.messages[2].content = "Good day"
    assert(chat:send("More"))
    assert.are.same({ "user Hi", "assistant Good day", "user More" }, tooling.outline(last_sent()))
    chat.messages = {}
    assert(chat:send("Anew"))
    assert.are.same({ "user Anew" }, tooling.outline(last_sent()))
  end)

  it("is forked, and each goes on for itself", function()
    local chat = begun()
    local other = chat:fork()
    other.messages[1].content = "Ho"
    assert(other:send("There"))
    assert(chat:send("Here"))
    assert.are.same({ "user Hi", "assistant Hi", "user Here", "assistant Here" },
      tooling.outline(chat.messages))
    assert.are.same({ "user Ho", "assistant Hi", "user There", "assistant There" },
      tooling.outline(other.messages))
  end)

  it("has options for its calls, and each call its own over them", function()
    local texts = {}
    local chat = new { options = { on_text = function(text) texts[#texts + 1] = text end } }
    assert(chat:send("one"))
    assert(chat:send("two", { on_text = false }))
    assert.are.equal("one", table.concat(texts))
    local _, err = chat:send("three", { deadline = -1 })
    assert.are.equal("config", err.kind)
    assert.are.equal(4, #chat.messages)
  end)

  it("fills templates in what is said, not in what was said", function()
    script(says("{{name}}"), says("ok"))
    local chat = new { system_prompt = "For {{name}}.", options = { vars = { name = "Ada" } } }
    assert(chat:send("I am {{name}}"))
    assert(chat:send("{{name}}?", { vars = { name = "Bob" } }))
    assert.are.same({ "system For Bob.", "user I am Ada", "assistant {{name}}", "user Bob?" },
      tooling.outline(last_sent()))
  end)

  it("parses an answer", function()
    script(says('{"x":1}'), says("no"))
    local chat = new { response_format = "json_object", options = { parse = true } }
    assert.are.same({ x = 1 }, assert(chat:send("Hi")).parsed)
    local _, err = chat:send("More")
    assert.are.equal("invalid_response", err.kind)
    assert.are.equal(2, #chat.messages)
  end)

  it("is of novita's own client too", function()
    local chat = novita.conversation { model = talk.MODEL, options = {
      base_url = talk.sim.url, api_key = talk.KEY,
    } }
    assert.are.equal("Hi", assert(chat:send("Hi")):text())
  end)
end)

describe("the messages are as they were before", function()
  before_each(function() talk.sim:reset() end)

  it("after an error", function()
    local chat = begun()
    script({ status = 400 }, { cut = 20 })
    assert.is_nil(chat:send("More"))
    assert.is_nil(chat:send("More", { on_text = function() end }))
    assert.are.same(BEGUN, tooling.outline(chat.messages))
    talk.sim:reset()
    assert(chat:send("More"))
    assert.are.equal(4, #chat.messages)
  end)

  it("after an error behind calls of tools", function()
    local chat = begun { tools = { tool("double", double) } }
    script(calls { "double", { x = 1 } }, { status = 400 })
    local _, err = chat:send("More")
    assert.are.same(BEGUN, tooling.outline(chat.messages))
    assert.are.equal(5, #err.messages)
  end)

  it("after what a function raised", function()
    local problem = { "broken" }
    local function raise() error(problem) end
    for _, case in ipairs {
      { options = { on_text = raise } }, { tools = { tool("double", raise) } },
      { options = { on_call = raise }, tools = { tool("double", double) } },
    } do
      talk.sim:reset()
      local chat = begun { tools = case.tools }
      script(calls { "double", { x = 1 } })
      if case.options and case.options.on_text then script(says("a b")) end
      local ok, raised = pcall(chat.send, chat, "More", case.options)
      assert.is_false(ok)
      assert.are.equal(problem, raised)
      assert.are.same(BEGUN, tooling.outline(chat.messages))
      talk.sim:reset()
      assert(chat:send("Again")) -- and it is not busy
    end
  end)

  it("after a cancel, in an answer and in a tool", function()
    for _, step in ipairs { says("a b", { delay = 5 }), calls { "slow" } } do
      talk.sim:reset()
      local chat = begun { tools = { tool("slow", function() poll.sleep(5) end) } }
      script(step)
      local err
      local task = poll.spawn(function()
        local _
        _, err = chat:send("More")
      end)
      poll.sleep(0.05)
      task:cancel()
      task:wait()
      assert.are.equal("cancelled", err.kind)
      assert.are.same(BEGUN, tooling.outline(chat.messages))
    end
  end)

  it("where on_text had enough, unless keep_partial says otherwise", function()
    local chat = begun()
    local options = { on_text = function() return false end }
    local reply = assert(chat:send("one two three", options))
    assert.is_true(reply.incomplete)
    assert.are.same(BEGUN, tooling.outline(chat.messages))
    options.keep_partial = true
    reply = assert(chat:send("one two three", options))
    assert.are.same({ "user Hi", "assistant Hi", "user one two three",
      "assistant " .. reply:text() }, tooling.outline(chat.messages))
    assert.is_true(#reply:text() < #"one two three")
  end)
end)

describe("keep_partial", function()
  before_each(function() talk.sim:reset() end)

  it("keeps what was said before a cancel, with whole calls of tools only", function()
    local first = calls { "double", { x = 1 } }
    local second = calls { "double", { x = 2 } }
    second.answer.content = "one two three"
    second.pace = 0.1
    local chat = begun { tools = { tool("double", double) }, options = {
      keep_partial = true, on_text = function() end,
    } }
    script(first, second)
    local task = poll.spawn(function() chat:send("More") end)
    poll.sleep(0.25)
    task:cancel()
    task:wait()
    tooling.check(chat.messages)
    local outline = tooling.outline(chat.messages)
    assert.are.same({ "user More", "assistant", "tool 2" },
      { outline[3], outline[4], outline[5] })
    assert.is_truthy(outline[6]:find("^assistant one"), outline[6])
    assert.is_nil(chat.messages[6].tool_calls)
  end)

  it("keeps nothing where nothing was said", function()
    local chat = begun { options = { keep_partial = true } }
    script({ delay = 5 })
    local task = poll.spawn(function() chat:send("More") end)
    poll.sleep(0.05)
    task:cancel()
    task:wait()
    assert.are.same(BEGUN, tooling.outline(chat.messages))
  end)

  it("is not for failures", function()
    local chat = begun { options = { keep_partial = true, on_text = function() end } }
    script(says("one two three", { cut_pieces = 2 }))
    local _, err = chat:send("More")
    assert.is_truthy(err.partial)
    assert.are.same(BEGUN, tooling.outline(chat.messages))
  end)
end)

describe("a second call of a conversation", function()
  before_each(function() talk.sim:reset() end)

  it("is refused while the first is under way", function()
    local chat = new()
    script { delay = 0.1 }
    local task = poll.spawn(function() assert(chat:send("one")) end)
    for _, method in ipairs { "send", "stream" } do
      local value, err = chat[method](chat, "two")
      assert.is_nil(value)
      assert.are.equal("busy", err.kind)
      assert.are.equal("busy: a call of this conversation is in flight: wait for its end, cancel "
        .. "it, or fork the conversation", tostring(err))
    end
    assert(chat:fork():send("three"))
    task:wait()
    assert.are.equal(2, #chat.messages)
    assert(chat:send("two"))
  end)

  it("is refused by a tool of the first", function()
    local chat, err
    chat = new { tools = { tool("f", function()
      local _
      _, err = chat:send("two")
    end) } }
    script(calls { "f" }, says("done"))
    assert(chat:send("one"))
    assert.are.equal("busy", err.kind)
  end)

  it("is allowed when a stream was dropped", function()
    local chat = new()
    do
      local stream = assert(chat:stream("one two three"))
      assert(stream:next())
    end
    local function elsewhere() return assert(chat:send("four")) end
    coroutine.wrap(elsewhere)() -- whose stack has no trace of the stream
    assert.are.same({ "user four", "assistant four" }, tooling.outline(chat.messages))
  end)
end)

describe("a conversation raises", function()
  it("at what can't be right", function()
    for message, fields in pairs {
      ["conversation: expected a table, got 5"] = 5,
      ["conversation.retry is an option: options = { retry = ... }"] = { retry = "none" },
      ["conversation.message: pass it to chat:send(...)"] = { message = "Hi" },
      ["conversation.messages: expected a list of messages, got \"Hi\""] = { messages = "Hi" },
      ["tools[1].call: expected a function, got nil"] = { tools = { { name = "f" } } },
      ["options.retries: unknown option"] = { options = { retries = 1 } },
    } do
      local ok, raised = pcall(novita.conversation, fields)
      assert.is_false(ok)
      assert.is_truthy(raised:find(message, 1, true), raised)
      assert.is_truthy(raised:find("conversation_spec.lua", 1, true), raised)
    end
  end)

  it("at a message that is none, and at a point in place of the colon", function()
    local chat = new()
    for _, content in ipairs { true, {}, { text = "Hi" } } do
      assert.has_error(function() chat:send(content) end)
    end
    assert.has_error(function() chat:send() end)
    assert.has_error(function() chat.send("Hi") end)
    assert.has_error(function() novita:conversation {} end)
    assert.is_nil(rawget(chat, "options"))
  end)
end)
