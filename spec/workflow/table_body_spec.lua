-- What a list of steps does: values mapped from trigger and steps, conditions, loops, errors.

local novita = require("novita")

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")

local ask, asked = flows.ask, flows.asked

local function start(steps, trigger, options)
  return assert(flows.flow(steps, options):start(trigger))
end

describe("a list of steps", function()
  flows.with()

  it("maps values from the trigger and from earlier steps", function()
    local record = start({
      { name = "first", chat = { model = "{{trigger.model}}", message = '{"n":[1,2],"ok":true}' } },
      { name = "second", chat = ask("{{steps.first.json.n.2}} of {{steps.first.model}}: "
        .. "{{steps.first.choices.1.finish_reason}}") },
      { name = "third", run = function(input) return input end, input = {
        all = "{{steps.first.json}}", text = "{{steps.second.text}}", left = "as it is",
      } },
      { name = "last", chat = ask("{{steps.third.text}}!") },
    }, { model = flows.MODEL })
    assert.equal("2 of simulator/echo: stop!", record.result)
    assert.same({ '{"n":[1,2],"ok":true}', "2 of simulator/echo: stop",
      "2 of simulator/echo: stop!" }, asked())
  end)

  it("never fills what an answer or a trigger has brought", function()
    local record = start({
      { name = "a", chat = ask("{{trigger.text}}") },
      { name = "b", each = { "{{trigger.text}}" }, chat = ask("{{item}} {{steps.a.text}}") },
    }, { text = "{{steps.secret}} {{x" })
    assert.same({ "{{steps.secret}} {{x {{steps.secret}} {{x" }, record.result)
  end)

  it("makes a step for each item, and hands the list on", function()
    local record = start {
      { name = "list", chat = ask('{"rows":[{"name":"a"},{"name":"b"}]}') },
      { name = "draft", each = "{{steps.list.json.rows}}", concurrency = 2,
        chat = ask("{{index}}: {{row.name}} {{item.name}}") },
      { name = "count", each = "{{steps.draft}}", run = function(item) return #item.text end },
      { name = "write", chat = ask("{{#steps.draft}}<{{text}}>{{/steps.draft}}"
        .. ' {{steps.draft.text | join ","}} {{steps.draft.2.text}} {{steps.count | json}}') },
    }
    assert.equal("<1: a a><2: b b> 1: a a,2: b b 2: b b [6,6]", record.result)
  end)

  it("has the JSON of each answer in a section", function()
    local record = start {
      { name = "a", each = { 1, 2 }, chat = ask('{"n":{{item}}}') },
      { name = "b", chat = ask("{{#steps.a}}<{{json.n}}>{{/steps.a}}") },
    }
    assert.equal("<1><2>", record.result)
  end)

  it("reads an answer as JSON where a later step uses that, and asks anew if it is none", function()
    simulator.shared():script { { answer = { content = "Sure! Here you are." } } }
    local flow = flows.flow {
      { name = "a", chat = ask('{"x":1}') },
      { name = "b", chat = ask("{{steps.a.json.x}}") },
    }
    local record = assert(flow:start())
    assert.equal("a", record.failed_step)
    assert.equal("invalid_response", record.error.kind)
    assert.equal("1", assert(flow:retry(record.id)).result)
  end)

  it("goes on with the error of a step that may fail", function()
    simulator.shared():always { match = '"bad"', status = 400 }
    local record = start {
      { name = "a", chat = ask("bad"), on_error = "return" },
      { name = "b", when = "{{steps.a.error}}", chat = ask("{{steps.a.error.kind}}") },
      { name = "c", unless = "{{steps.a.error}}", chat = ask("never") },
      { name = "d", each = { "good", "bad" }, chat = ask("{{item}}"), on_error = "return" },
      { name = "e", chat = ask("{{steps.b.text}} {{steps.d.1.text}} {{steps.d.2.error.status}}") },
    }
    assert.equal("bad_request good 400", record.result)
  end)

  it("pauses where a template finds nothing", function()
    local record = start {
      { name = "a", chat = ask('{"x":1}') },
      { name = "b", chat = ask("{{steps.a.json.y}}") },
    }
    assert.equal("b", record.failed_step)
    assert.equal("chat.message", record.error.param)
    record = start { { name = "a", chat = ask("x") },
      { name = "b", each = "{{steps.a.text}}", chat = ask("x") } }
    assert.equal("each: what it gives is not a list", record.error.message)
  end)

  it("has the client's defaults, whose templates are filled too", function()
    start({ { name = "a", chat = { message = "x" } } }, { who = "Ada" },
      { defaults = { model = flows.MODEL, system_prompt = "You are {{trigger.who}}" } })
    local body = novita.json.decode(simulator.shared():journal()[1].body)
    assert.equal("You are Ada", body.messages[1].content)
  end)

  it("makes other calls of the API", function()
    local record = start({
      { name = "e", embeddings = { model = "baai/bge-m3", input = "{{trigger.x}}" } },
      { name = "r", request = { path = "/models" } },
      { name = "c", completions = { model = flows.MODEL, prompt = "go on" } },
      { name = "n", run = function(input) return input end,
        input = { "{{steps.e.data.1.index}}", "{{steps.c.text}}" } },
    }, { x = "text" })
    assert.equal("done", record.status)
    assert.equal(0, record.result[1])
    assert.is_string(record.result[2])
  end)

  it("can be read from JSON", function()
    local flow = flows.flow(assert(novita.json.decode [[ [
      { "name": "a", "chat": { "model": "simulator/echo", "message": "Hi {{trigger.name}}" } },
      { "name": "b", "when": { "steps.a.text": ["Hi Ada", "Hi Bob"] },
        "chat": { "model": "simulator/echo", "message": "{{steps.a.text}}!" } }
    ] ]]))
    assert.equal("Hi Ada!", flow:start({ name = "Ada" }).result)
    assert.equal("Hi Eve", flow:start({ name = "Eve" }).result)
  end)
end)
