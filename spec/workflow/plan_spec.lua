-- A dry run: every request that is known before any answer, and nothing sent.

local flows = require("spec.support.flows")

local ask = flows.ask
local planned = flows.planned

describe("a plan", function()
  flows.with()

  it("has every request where none depends on an answer", function()
    local flow = flows.flow(function(run, trigger)
      run:chat("a", ask("First " .. trigger.word))
      run:each("b", { "x", "y" }, ask("About {{item}}"))
      run:step("c", { n = 1 }, function() error("not to be called") end)
      run:sleep("d", 1000)
    end)
    local plan = flows.plan(flow, { word = "one" })
    assert.same({ "a chat First one", "b[1] chat About x", "b[2] chat About y", "c step" },
      planned(plan))
    assert.is_true(plan.complete)
    assert.is_nil(plan.waits_for)
    assert.is_true(plan.tokens > 3 * 1024)
    assert.same({ n = 1 }, plan.steps[4].input)
  end)

  it("is whole for a list of steps, with what each waits for", function()
    local flow = flows.flow {
      { name = "a", chat = ask("About {{trigger.word}}") },
      { name = "b", each = "{{steps.a.json.list}}", chat = ask("{{item}}") },
      { name = "c", each = { "x" }, chat = ask("{{item}}") },
      { name = "d", when = { ["steps.a.text"] = "yes" }, chat = ask("{{steps.c.1.text}}") },
      { name = "e", when = "{{trigger.never}}", chat = ask("e") },
      { name = "f", run = print, input = "{{trigger.word}}" },
    }
    local plan = flows.plan(flow, { word = "cats" })
    assert.same({ "a chat About cats", "b chat needs a", "c[1] chat x", "d chat needs a,c",
      "f step" }, planned(plan))
    assert.is_true(plan.steps[4].conditional)
    assert.equal("config", select(2, flow:plan {}).kind)
  end)

  it("has the error that the flow would pause with", function()
    local plan = flows.plan(flows.flow(function(run)
      run:chat("a", { model = "m", message = "x", temperature = 9 })
    end))
    assert.equal("temperature", plan.error.param)
    assert.is_false(plan.complete)
    assert.same({}, plan.steps)
  end)
end)
