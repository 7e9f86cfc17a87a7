-- conversation:stream: one stream over all turns of an answer.

local poll = require("novita.loop.poll")
local talk = require("spec.support.client")
local tooling = require("spec.support.tooling")
local wire = require("spec.support.wire")

local calls, says, script, tool = tooling.calls, tooling.says, tooling.script, tooling.tool

local function double(arguments) return arguments.x * 2 end

local function new(fields)
  local all = { model = talk.MODEL, tools = { tool("double", double) } }
  for name, value in pairs(fields or {}) do all[name] = value end
  return talk.client():conversation(all)
end

-- A turn that says something and calls a tool.
local function calls_and_says(text)
  local step = calls { "double", { x = 1 } }
  step.answer.content = text
  return step
end

describe("the stream of a conversation", function()
  before_each(function() talk.sim:reset() end)

  it("has the text of all turns, and adds the messages at its end", function()
    script(calls_and_says("Let me see. "), says("It is 2."))
    local chat = new()
    local stream = assert(chat:stream("Double 1"))
    local texts = {}
    for text in stream:text() do
      assert.are.equal(0, #chat.messages)
      texts[#texts + 1] = text
    end
    assert.are.equal("Let me see. It is 2.", table.concat(texts))
    assert.are.same({ "user Double 1", "assistant Let me see. ", "tool 2", "assistant It is 2." },
      tooling.outline(chat.messages))
    local reply, info = stream:reply()
    assert.are.equal("It is 2.", reply:text())
    assert.are.equal(2, #info.turns)
    assert.are.equal(4, #info.messages)
    assert.are.equal(info.turns[1].usage.total_tokens + info.turns[2].usage.total_tokens,
      reply.usage.total_tokens)
    assert.are.equal("novita.stream (ended)", tostring(stream))
  end)

  it("gives the text of all turns by next_text", function()
    script(calls_and_says("a"), says("b"))
    local stream, texts = assert(new():stream("Hi")), {}
    for text in function() return stream:next_text() end do
      assert.are.equal(text, stream.said)
      texts[#texts + 1] = text
    end
    assert.are.equal("ab", table.concat(texts))
    assert.are.equal("b", stream:reply():text())
  end)

  it("has the chunks of all turns", function()
    script(calls_and_says("a"), says("b"))
    local stream, ids = assert(new():stream("Hi")), {}
    for chunk in stream:chunks() do ids[chunk.id] = true end
    local count = 0
    for _ in pairs(ids) do count = count + 1 end
    assert.are.equal(2, count)
    assert.has_error(function() stream:text() end)
  end)

  it("gives the reply without being read", function()
    script(calls_and_says("a"), says("b"))
    local chat = new()
    assert.are.equal("b", assert(chat:stream("Hi")):reply():text())
    assert.are.equal(4, #chat.messages)
  end)

  it("waits no longer than it is told for a chunk", function()
    script(says("b", { delay_body = 0.3 }))
    local stream = assert(new():stream("Hi"))
    assert.is_false(stream:next(0.01))
    assert.are.equal("b", stream:reply():text())
  end)

  it("is an error where it can't be opened", function()
    script { status = 400 }
    local chat = new()
    local stream, err = chat:stream("Hi")
    assert.is_nil(stream)
    assert.are.equal("bad_request", err.kind)
    assert(chat:send("Hi")) -- it is not busy
  end)

  it("raises the error of a bad end in a loop, and leaves the messages as they were", function()
    for _, step in ipairs { { status = 400 }, says("one two three", { cut_pieces = 2 }) } do
      script(calls_and_says("a "), step)
      local chat = new()
      local stream, texts = assert(chat:stream("Hi")), {}
      local ok, err = pcall(function()
        for text in stream:text() do texts[#texts + 1] = text end
      end)
      assert.is_false(ok)
      assert.are.equal(3, #err.messages)
      assert.are.equal("a ", texts[1])
      assert.are.same({}, chat.messages)
      local _, again = stream:next()
      assert.are.equal(err, again)
      _, again = stream:reply()
      assert.are.equal(err, again)
      talk.sim:reset()
      assert(chat:send("Hi"))
    end
  end)

  it("fails with tool_turns where the model goes on calling", function()
    talk.sim:always(calls { "double", { x = 1 } })
    local _, err = assert(new():stream("Hi", { max_turns = 2 })):reply()
    assert.are.equal("tool_turns", err.kind)
    assert.are.equal(5, #err.messages)
  end)

  it("raises what a function raises, and is at its end then", function()
    script(calls { "double", { x = 1 } })
    local problem = { "broken" }
    local chat = new { tools = { tool("double", function() error(problem) end) } }
    local stream = assert(chat:stream("Hi"))
    local ok, raised = pcall(stream.reply, stream)
    assert.is_false(ok)
    assert.are.equal(problem, raised)
    local _, err = stream:next()
    assert.are.equal("callback_error", err.kind)
    assert.are.same({}, chat.messages)
    talk.sim:reset()
    assert(chat:send("Hi"))
  end)

  it("is cancelled, and the messages are as before", function()
    script(says("one two three", { pace = 0.05 }))
    local chat = new()
    local stream = assert(chat:stream("Hi"))
    assert(stream:next())
    stream:cancel()
    stream:cancel()
    local _, err = stream:next()
    assert.are.equal("cancelled", err.kind)
    assert.are.equal("novita.stream (cancelled)", tostring(stream))
    assert.are.same({}, chat.messages)
    talk.sim:reset()
    assert(chat:send("Hi"))
  end)

  it("is cancelled while tools run, with what they do", function()
    script(calls { "slow" })
    local whole
    local chat = new { tools = { tool("slow", function() whole = poll.sleep(5) end) } }
    local stream = assert(chat:stream("Hi"))
    local err
    local task = poll.spawn(function()
      local _
      _, err = stream:reply()
    end)
    poll.sleep(0.1)
    local took = wire.took(function()
      stream:cancel()
      task:wait()
    end)
    assert.is_true(took < wire.slack, tostring(took))
    assert.is_false(whole)
    assert.are.equal("cancelled", err.kind)
    assert.are.same({}, chat.messages)
  end)

  it("runs the tools once, whoever else reads it meanwhile", function()
    script(calls { "again", {} }, says("done"))
    local count, stream, raised = 0, nil, nil
    local chat = new { tools = { tool("again", function()
      count = count + 1
      if count == 1 then raised = select(2, pcall(stream.next, stream)) end
      return count
    end) } }
    stream = assert(chat:stream("Hi"))
    local reply, info = stream:reply()
    assert.are.same({ "done", 1, 2 }, { reply:text(), count, #info.turns })
    assert.is_truthy(tostring(raised):find("tools of this stream are running", 1, true), raised)
  end)

  it("is stopped with the reply so far, which keep_partial keeps", function()
    for _, keep in ipairs { false, true } do
      script(calls_and_says("a "), says("one two three", { pace = 0.02 }))
      local chat = new { options = { keep_partial = keep } }
      local stream = assert(chat:stream("Hi"))
      repeat stream:next() until stream.said == "one"
      local reply, info = stream:stop()
      assert.are.equal("one", reply:text())
      assert.is_true(reply.incomplete)
      assert.are.equal(2, #info.turns)
      assert.are.equal(reply, (stream:stop()))
      assert.are.same(keep and { "user Hi", "assistant a ", "tool 2", "assistant one" } or {},
        tooling.outline(chat.messages))
    end
  end)

  if _VERSION == "Lua 5.4" then
    it("is cancelled when a loop is left", function()
      script(says("one two three", { pace = 0.02 }))
      local chat = new()
      for text in assert(chat:stream("Hi")):text() do
        if text == "one" then break end
      end
      talk.sim:reset()
      assert(chat:send("Hi"))
      assert.are.equal(2, #chat.messages)
    end)
  end
end)
