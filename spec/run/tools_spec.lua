-- novita.run_tools: turns of a model with calls of tools between them, until it answers.

local core = require("novita.core")
local poll = require("novita.loop.poll")
local talk = require("spec.support.client")
local tooling = require("spec.support.tooling")
local wire = require("spec.support.wire")

local calls, says, script, tool = tooling.calls, tooling.says, tooling.script, tooling.tool

local function run(list, options, fields)
  local request = talk.request { tools = list }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client():run_tools(request, options)
end

local function double(arguments) return arguments.x * 2 end

describe("run_tools", function()
  before_each(function() talk.sim:reset() end)

  it("is a chat where the model calls nothing", function()
    script(says("Hello"))
    local reply, info = run { tool("double", double) }
    assert.are.equal("Hello", reply:text())
    assert.are.same({ "user Hi", "assistant Hello" }, tooling.outline(info.messages))
    assert.are.equal(1, #info.turns)
  end)

  it("sends the results of a turn in the order of its calls", function()
    script(calls({ "double", { x = 4 } }, { "double", { x = 5 } }), says("8 and 10"))
    local reply, info = run { tool("double", double) }
    assert.are.equal("8 and 10", reply:text())
    local requests = tooling.sent()
    assert.are.same({ "user Hi" }, tooling.outline(requests[1]))
    assert.are.same({ "user Hi", "assistant", "tool 8", "tool 10" }, tooling.outline(requests[2]))
    tooling.check(requests[2])
    tooling.check(info.messages)
    assert.are.equal(5, #info.messages)
  end)

  it("has the usage of all turns in the reply, and of each in info.turns", function()
    script(calls { "double", { x = 1 } }, calls { "double", { x = 2 } }, says("done"))
    local reply, info = assert(run { tool("double", double) })
    local sum = 0
    for _, turn in ipairs(info.turns) do sum = sum + turn.usage.total_tokens end
    assert.are.equal(3, #info.turns)
    assert.are.equal(sum, reply.usage.total_tokens)
    assert.are.equal(0, reply.usage.prompt_tokens_details.cached_tokens)
    local made = info.turns[2].calls[1]
    assert.are.same({ "double", 2, "4", nil }, { made.name, made.arguments.x, made.content,
      made.failed })
    assert.is_true(made.seconds >= 0)
  end)

  it("has content in each message, also where the model has said nothing", function()
    script(says(false), says("a"))
    local reply, info = assert(run { tool("double", double) })
    assert.is_nil(reply:text())
    assert.are.same({ "user Hi", "assistant " }, tooling.outline(info.messages))
  end)

  it("streams the text of all turns", function()
    local first = calls { "double", { x = 1 } }
    first.answer.content = "Let me see. "
    script(first, says("It is 2."))
    local texts = {}
    local reply, info = assert(run({ tool("double", double) }, {
      on_text = function(text) texts[#texts + 1] = text end,
    }))
    assert.are.equal("Let me see. It is 2.", table.concat(texts))
    assert.are.equal("It is 2.", reply:text())
    tooling.check(info.messages)
  end)

  it("ends where on_text has enough, and makes no call of that turn", function()
    local first = calls { "double", { x = 1 } }
    first.answer.content = "Let me see."
    script(first)
    local reply, info = assert(run({ tool("double", function() error("called") end) }, {
      on_text = function() return false end,
    }))
    assert.is_true(reply.incomplete)
    assert.are.same({ "user Hi" }, tooling.outline(info.messages))
    assert.are.equal(1, #talk.sim:journal())
  end)

  it("fills templates in the request only, once", function()
    script(calls { "f", { x = 1 } }, says("done"))
    local given = { { role = "user", content = "{{name}}" } }
    local _, info = assert(run({ tool("f", function() return "{{name}}" end) },
      { vars = { name = "Ada" } }, { messages = given, message = "Hi {{name}}" }))
    assert.are.same({ "user Ada", "user Hi Ada", "assistant", "tool {{name}}", "assistant done" },
      tooling.outline(info.messages))
    assert.are.equal(1, #given)
  end)

  it("has the defaults of its client, tools among them", function()
    script(calls { "f" }, says("done"))
    local client = talk.client { vars = { city = "Oslo" }, defaults = {
      system_prompt = "In {{city}}.", tools = { tool("f", function() return "{{city}}" end) },
    } }
    local _, info = assert(client:run_tools(talk.request()))
    assert.are.same({ "system In Oslo.", "user Hi", "assistant", "tool {{city}}" },
      tooling.outline(tooling.sent()[2]))
    assert.are.equal(4, #info.messages)
  end)

  it("forces a call of a tool once only", function()
    for _, choice in ipairs { "required", { type = "function", ["function"] = { name = "f" } } } do
      script(calls { "f" }, says("done"))
      assert(run({ tool("f", print) }, { on_call = function() return false end },
        { tool_choice = choice }))
      local sent = talk.sim:journal()
      assert.are.same(choice, core.decode(sent[1].body).tool_choice)
      assert.is_nil(core.decode(sent[2].body).tool_choice)
    end
  end)

  it("parses the last answer", function()
    script(calls { "f" }, says('{"x":1}'))
    local reply = assert(run({ tool("f", function() return 1 end) }, { parse = true }))
    assert.are.same({ x = 1 }, reply.parsed)
  end)

  it("tries a turn again, and not the tools", function()
    script(calls { "f" }, { status = 503 }, says("done"))
    local count = 0
    local _, info = assert(run({ tool("f", function() count = count + 1 end) },
      { retry = { initial_delay = 0, attempts = 2 } }))
    assert.are.equal(1, count)
    assert.are.equal(2, #info.turns[2].attempts)
  end)
end)

describe("run_tools fails", function()
  before_each(function() talk.sim:reset() end)

  it("with tool_turns where the model goes on calling, with all messages so far", function()
    talk.sim:always(calls { "f", { x = 1 } })
    local count = 0
    local reply, err = run({ tool("f", function() count = count + 1 end) }, { max_turns = 3 })
    assert.is_nil(reply)
    assert.are.equal("tool_turns", err.kind)
    assert.are.equal("tool_turns: the model still calls tools after 3 turns (max_turns)",
      tostring(err))
    assert.are.same({ 3, 3, 7, 3 }, { count, #talk.sim:journal(), #err.messages, #err.turns })
    tooling.check(err.messages)
    talk.sim:reset()
    talk.sim:script { says("done") }
    assert.are.equal("done", assert(run({ tool("f", print) }, nil,
      { messages = err.messages })):text())
  end)

  it("after ten turns by itself", function()
    talk.sim:always(calls { "f" })
    local _, err = run { tool("f", function() end) }
    assert.are.equal(10, #err.turns)
  end)

  it("before anything is sent, as a chat does", function()
    for wanted, fields in pairs {
      ['messages: "Hi" is not a list of messages'] = { messages = "Hi" },
      ["messages: a table is not a list of messages"] = { messages = { role = "user" } },
      ["message: true is not a text or a list of content parts"] = { message = true },
      ["message: a table is not a text or a list of content parts"] = { message = {} },
      ["temperature: 3 is not within 0 to 2"] = { temperature = 3 },
      ['temprature: unknown field; did you mean "temperature"?'] = { temprature = 1 },
    } do
      talk.sim:reset()
      local _, err = run({ tool("f", print) }, nil, fields)
      assert.are.equal("config", err.kind)
      assert.are.equal(wanted, err.message)
      assert.are.equal(0, #talk.sim:journal())
    end
  end)

  it("with the error of a turn, and the messages before it", function()
    script(calls { "f" }, { status = 400 })
    local _, err = run { tool("f", function() return "1" end) }
    assert.are.equal("bad_request", err.kind)
    assert.are.same({ "user Hi", "assistant", "tool 1" }, tooling.outline(err.messages))
    assert.are.equal(1, #err.turns)
  end)

  it("where the calls were cut", function()
    local step = calls { "f", { x = 1 } }
    step.answer.finish_reason = "length"
    script(step)
    local _, err = run { tool("f", function() error("called") end) }
    assert.are.equal("length_finish", err.kind)
    assert.are.same({ "user Hi" }, tooling.outline(err.messages))
  end)

  it("by what a function raises, once the other calls have been stopped", function()
    script(calls({ "slow", { x = 1 } }, { "bad", { x = 2 } }, { "slow", { x = 3 } }))
    talk.sim:script { { match = "inner", delay = 5, uses = 2 } }
    local problem, ended = { "broken" }, 0
    local took = wire.took(function()
      local ok, raised = pcall(run, {
        tool("slow", function()
          local reply, err = talk.client():chat { model = talk.MODEL, message = "inner" }
          assert.is_nil(reply)
          assert.are.equal("cancelled", err.kind)
          ended = ended + 1
        end),
        tool("bad", function()
          poll.sleep(0.02)
          error(problem)
        end),
      })
      assert.is_false(ok)
      assert.are.equal(problem, raised)
    end)
    assert.are.equal(2, ended)
    assert.is_true(took < 1 + wire.slack, tostring(took))
  end)

  it("when it is cancelled, and so do the calls of its tools", function()
    script(calls({ "slow" }, { "slow" }))
    talk.sim:script { { match = "inner", delay = 5, uses = 2 } }
    local inner, err = {}, nil
    local task = poll.spawn(function()
      local _
      _, err = run { tool("slow", function()
        local _, problem = talk.client():chat { model = talk.MODEL, message = "inner" }
        inner[#inner + 1] = problem.kind
        return nil, problem
      end) }
    end)
    poll.sleep(0.1)
    assert.are.same({}, inner)
    local took = wire.took(function()
      task:cancel()
      task:wait()
    end)
    assert.is_true(took < wire.slack, tostring(took))
    assert.are.same({ "cancelled", "cancelled" }, inner)
    assert.are.equal("cancelled", err.kind)
    assert.are.same({ "user Hi" }, tooling.outline(err.messages))
    assert.is_truthy(talk.sim:wait_for(function(entries)
      return entries[2].client_closed and entries[3].client_closed
    end))
  end)

  it("at its deadline, whatever it waits for then", function()
    script(calls { "slow" })
    local inner
    local _, err = run({ tool("slow", function()
      local whole = poll.sleep(5)
      inner = whole
      return nil, "cancelled"
    end) }, { deadline = 0.15 })
    assert.is_false(inner)
    assert.are.same({ "timeout", "deadline", "the deadline of 0.15 s has passed" },
      { err.kind, err.reason, err.message })
    script(calls { "quick" }, { delay = 5 })
    _, err = run({ tool("quick", function() end) }, { deadline = 0.15 })
    assert.are.same({ "timeout", "deadline", "the deadline of 0.15 s has passed" },
      { err.kind, err.reason, err.message })
    assert.are.equal(3, #err.messages)
  end)
end)
