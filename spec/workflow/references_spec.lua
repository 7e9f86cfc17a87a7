-- The variables that a list of steps names are known before a run begins.

local flows = require("spec.support.flows")

local ask = flows.ask

describe("a list of steps", function()
  flows.with()

  it("may name variables that the options give, and members in a section", function()
    local text = "{{word}} {{#trigger.list}}{{name}}{{/trigger.list}}"
    flows.flow({ { name = "a", chat = ask(text) } }, { vars = { word = "x" } })
    text = "{{#trigger.x}}{{steps.b}}{{/trigger.x}}"
    local message = flows.refusal { { name = "a", chat = ask(text) } }
    assert.is_truthy(message:find('there is no step "b"', 1, true), message)
  end)

  it("has what it needs of the trigger, or no run begins", function()
    local flow = flows.flow {
      { name = "a", chat = ask("{{trigger.text}} {{trigger.more | default \"\"}}{{row.x}}") },
      { name = "b", when = "{{trigger.extra}}", chat = ask("{{trigger.extra}}") },
      { name = "c", each = { { y = 1 } }, chat = ask("{{row.y}}") },
    }
    for trigger, message in pairs {
      [{}] = "steps.a: chat.message: {{trigger.text}} is missing in the trigger",
      [{ text = "x", row = {} }] = "steps.a: chat.message: {{row.x}} is missing in the trigger",
    } do
      local record, err = flow:start(trigger)
      assert.is_nil(record)
      assert.equal(message, err.message)
    end
    assert.same({}, flows.store():runs())
    assert.equal("done", flow:start({ text = "x", row = { x = 1 } }).status)
  end)
end)
