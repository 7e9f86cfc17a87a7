-- The table form is checked whole before the first call.

local child = require("spec.support.child")
local flows = require("spec.support.flows")

local ask = flows.ask

describe("a list of steps", function()
  flows.with()

  local good = { name = "good", chat = ask("x") }

  local cycle = {}
  cycle.next = cycle

  for message, steps in pairs {
    ["steps: expected a list of steps"] = {},
    ["steps: the list has a hole"] = { good, nil, { name = "b", chat = ask("x") } },
    ['steps: expected a list of steps, which has no field "retry"'] = { good, retry = "none" },
    ["steps.a: each: the list has a hole"] = {
      { name = "a", each = { 1, nil, 3 }, chat = ask("x") },
    },
    ["steps.a: input.next: contains itself"] = { { name = "a", input = cycle, run = print } },
    ['steps.a: retry.attempt: unknown option; did you mean "attempts"?'] = {
      { name = "a", run = print, retry = { attempt = 2 } },
    },
    ['steps.a: retry.preset: expected one of "aggressive", "default", "none", got "nnoe"'] = {
      { name = "a", run = print, retry = "nnoe" },
    },
    ["steps.a: when: expected a text, a table or a list of conditions, got a function"] = {
      { name = "a", run = print, when = print },
    },
    ["steps.a: unless[2]: expected a text, a table or a list of conditions, got 5"] = {
      { name = "a", run = print, unless = { "{{trigger.x}}", 5 } },
    },
    ["steps.1: expected a table, got 5"] = { 5 },
    ["steps.1: name: expected letters, digits, _ and -, got nil"] = { { chat = ask("x") } },
    ["steps.a b: name: expected letters, digits, _ and -, got \"a b\""] = {
      { name = "a b", chat = ask("x") },
    },
    ["steps.good: another step has this name"] = { good, good },
    ["steps.a: does nothing: give it chat, run or another call"] = { { name = "a" } },
    ["steps.a: chat: expected a request, got \"x\""] = { { name = "a", chat = "x" } },
    ["steps.a: run: expected a function, got \"x\""] = { { name = "a", run = "x" } },
    ["steps.a: each: expected a list or a template, got 5"] = {
      { name = "a", each = 5, chat = ask("x") },
    },
    ['steps.a: unknown field "cht"; did you mean "chat"?'] = { { name = "a", cht = ask("x") } },
    ['steps.a: unknown field "concurency"; did you mean "concurrency"?'] = {
      { name = "a", chat = ask("x"), concurency = 2 },
    },
    ['steps.a: options.deadline: "x" is not a time in seconds above 0, or false'] = {
      good, { name = "a", chat = ask("x"), deadline = "x" },
    },
    ["steps.a: chat.model: is missing"] = { good, { name = "a", chat = { message = "x" } } },
    ["steps.a: tools.model: is missing"] = {
      { name = "a", each = { 1 }, tools = { message = "x", tools = {} } },
    },
    ["steps.a: completions.model: is missing"] = { { name = "a", completions = { prompt = "x" } } },
    ["steps.a: embeddings.model: is missing"] = { { name = "a", embeddings = { input = "x" } } },
    ["steps.a: rerank.model: is missing"] = {
      { name = "a", rerank = { query = "x", documents = { "y" } } },
    },
    ["steps.a: options.concurrency: expected an integer >= 1, got 0"] = {
      { name = "a", chat = ask("x"), concurrency = 0 },
    },
    ['steps.a: options.on_error: expected one of "return", got "stop"'] = {
      { name = "a", chat = ask("x"), on_error = "stop" },
    },
    ['steps.a: chat.message: {{steps.b.text}}: there is no step "b"'] = {
      { name = "a", chat = ask("{{steps.b.text}}") },
    },
    ['steps.a: chat.message: {{steps.good.text}}: the step "good" is not before this one'] = {
      { name = "a", chat = ask("{{steps.good.text}}") }, good,
    },
    ['steps.good: chat.message: {{steps.good.text}}: the step "good" is not before this one'] = {
      { name = "good", chat = ask("{{steps.good.text}}") },
    },
    ['steps.a: when[1]: {{steps.b.text}}: there is no step "b"'] = {
      { name = "a", chat = ask("x"), when = { ["steps.b.text"] = "x" } },
    },
    ["steps.a: chat.messages[1].content: {{item}}: stands outside of an each"] = {
      { name = "a", chat = { messages = { { role = "user", content = "{{item}}" } } } },
    },
    ["steps.a: each: {{item}}: stands outside of an each"] = {
      { name = "a", each = "{{item}}", chat = ask("x") },
    },
    ["steps.a: chat.message: {{foo}}: unknown variable; there are trigger, steps, row, and item "
      .. "and index in an each"] = { { name = "a", chat = ask("{{foo}}") } },
    ["steps.a: chat.message: line 1, column 1: {{ is never closed"] = {
      { name = "a", chat = ask("{{foo") },
    },
    ["steps.a: chat.message: line 1, column 1: {{trigger.x | shout}} names no filter"] = {
      { name = "a", chat = ask("{{trigger.x | shout}}") },
    },
  } do
    it("is refused: " .. message, function() assert.equal(message, flows.refusal(steps)) end)
  end

  it("is refused with two calls in a step", function()
    assert.is_truthy(flows.refusal({ { name = "a", chat = ask("x"), run = print } })
      :find("^steps.a: has both %l+ and %l+$"))
  end)

  it("may have its models and options from elsewhere", function()
    local unnamed = { name = "a", chat = { message = "x" } }
    flows.flow({ unnamed, { name = "b", completions = { prompt = "x" } } },
      { defaults = { model = "m" } })
    flows.flow { { name = "a", chat = { message = "x" }, defaults = { model = "m" },
      deadline = false, api_key = function() return "sk" end } }
    flows.flow { { name = "a", chat = { model = "{{trigger.model}}", message = "x" } } }
    flows.flow { { name = "a", request = { path = "/x" } }, { name = "b", run = print } }
    local variables = { NOVITA_MODEL = "m" }
    assert.are.equal("", (child.run([[
      local flow = { { name = "a", chat = { message = "x" } } }
      assert(require("novita").workflow("spec", flow, { store = ":memory:" }))]], variables)))
  end)
end)
