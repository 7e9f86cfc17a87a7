-- The placeholder of an answer in a plan: it may be passed on, not looked into.

local novita = require("novita")

local flows = require("spec.support.flows")

local ask = flows.ask
local planned = flows.planned

describe("a plan", function()
  flows.with()

  it("ends where the flow looks into an answer", function()
    for name, use in pairs {
      text = function(reply) return reply:text() end,
      field = function(reply) return reply.choices[1] end,
      concat = function(reply) return "x" .. reply end,
      number = function(reply) return reply + 1 end,
      string = function(reply) return tostring(reply) end,
      call = function(reply) return reply() end,
    } do
      local flow = flows.flow(function(run)
        local reply = run:chat("a", ask("x"))
        run:chat("b", ask("y"))
        use(reply)
        error("not to be reached")
      end)
      local plan = flows.plan(flow)
      assert.same({ "a chat x", "b chat y" }, planned(plan), name)
      assert.is_false(plan.complete)
      assert.equal("a", plan.waits_for)
    end
    novita.run()
  end)

  it("ends where a loop waits for an answer, and where an input contains itself", function()
    local flow = flows.flow(function(run)
      local state
      repeat state = run:step("poll", os.time) until state == "ready"
    end)
    local plan = flows.plan(flow)
    assert.is_false(plan.complete)
    assert.equal("poll", plan.waits_for)
    local cycle = {}
    cycle.a, cycle.b, cycle.c = cycle, cycle, cycle
    plan = flows.plan(flows.flow(function(run) run:step("a", cycle, os.time) end))
    assert.equal("config", plan.error.kind)
    novita.run()
  end)

  it("names the steps whose answers a step is given", function()
    local flow = flows.flow(function(run)
      local reply = run:chat("a", ask("x"))
      run:step("b", { reply = reply }, function() end)
      run:chat("c", { model = "m", messages = { { role = "user", content = reply } } })
      run:each("d", reply, ask("{{item}}"))
    end)
    local plan = flows.plan(flow)
    assert.same({ "a chat x", "b step needs a", "c chat needs a", "d each needs a" }, planned(plan))
    assert.is_false(plan.complete)
  end)
end)
