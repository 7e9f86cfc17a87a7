-- The placeholder of an answer in a plan: it may be passed on, not looked into.

local novita = require("novita")

local flows = require("spec.support.flows")

local ask = flows.ask

-- "a chat First", "b[1] chat" ...: steps, and what they would ask.
local function planned(plan)
  local list = {}
  for index, entry in ipairs(plan.steps) do
    local item = entry.item and ("[%d]"):format(entry.item) or ""
    local asks = entry.input and entry.input.messages and entry.input.messages[1].content
    local needs = entry.needs and "needs " .. table.concat(entry.needs, ",")
    list[index] = table.concat({ entry.step .. item, entry.kind, asks or needs }, " ")
  end
  return list
end

describe("a plan", function()
  flows.with()

  -- Plans a run; nothing is sent or kept.
  local function plan_of(flow, trigger)
    local plan = assert(flow:plan(trigger))
    assert.same({}, flows.asked())
    assert.same({}, flows.store():runs())
    return plan
  end

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
      local plan = plan_of(flow)
      assert.same({ "a chat x", "b chat y" }, planned(plan), name)
      assert.is_false(plan.complete)
      assert.equal("a", plan.waits_for)
    end
    novita.run()
  end)

  it("names the steps whose answers a step is given", function()
    local flow = flows.flow(function(run)
      local reply = run:chat("a", ask("x"))
      run:step("b", { reply = reply }, function() end)
      run:chat("c", { model = "m", messages = { { role = "user", content = reply } } })
      run:each("d", reply, ask("{{item}}"))
    end)
    local plan = plan_of(flow)
    assert.same({ "a chat x", "b step needs a", "c chat needs a", "d each needs a" }, planned(plan))
    assert.is_false(plan.complete)
  end)
end)
