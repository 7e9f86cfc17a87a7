-- A replay with sending forbidden.

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")

local ask, asked = flows.ask, flows.asked

describe("a verification", function()
  flows.with()

  it("finds nothing wrong with a flow that is pure, and sends nothing", function()
    local flow = flows.flow(function(run, trigger)
      local list = run:each("e", { "a", "b" }, ask("{{item}}"))
      local _, err = run:step("s", function() return nil, "no" end, { on_error = "return" })
      run:sleep("nap", 0.01)
      return list[1]:text() .. trigger.x .. err.message .. run.id .. run.started_at
    end)
    local record = assert(flow:start { x = "y" })
    simulator.shared():reset()
    assert.same({ ok = true, reused = 4, problems = {} }, assert(flow:verify(record.id)))
    assert.same({}, asked())
    assert.equal(1, flows.store():run(record.id).passes)
  end)

  it("shows where the code between the steps is not pure", function()
    local count, word = 0, "first"
    local flow = flows.flow(function(run)
      count = count + 1
      run:chat("a", ask("x"))
      run:chat("b", ask("number " .. count))
      return word
    end)
    local record = assert(flow:start())
    local found = assert(flow:verify(record.id))
    assert.is_false(found.ok)
    assert.equal(1, found.reused)
    local problem = found.problems[1]
    assert.same({ "b", "the run has this step with another input" },
      { problem.step, problem.message })
    assert.equal("number 1", problem.recorded.messages[1].content)
    assert.equal("number 2", problem.now.messages[1].content)
    count, word = 0, "second"
    found = assert(flow:verify(record.id))
    assert.same({ { step = "(code)", message = "the flow returns another result",
      recorded = "first", now = "second" } }, found.problems)
  end)

  it("shows steps that were never there, and code that raises", function()
    local more, raises = false, false
    local flow = flows.flow(function(run)
      run:chat("a", ask("x"))
      if more then run:chat("new", ask("y")) end
      if raises then error("no luck") end
    end)
    local record = assert(flow:start())
    more = true
    assert.equal("the run has no step of this name", flow:verify(record.id).problems[1].message)
    more, raises = false, true
    local problem = flow:verify(record.id).problems[1]
    assert.equal("(code)", problem.step)
    assert.is_truthy(problem.message:find("no luck", 1, true))
    assert.same({ "x" }, asked())
  end)

  it("shows an error that the flow has handled, and does not any more", function()
    local on_error = "return"
    local flow = flows.flow(function(run)
      run:step("a", function() error("no luck") end, { on_error = on_error })
    end)
    local record = assert(flow:start())
    assert.is_true(assert(flow:verify(record.id)).ok)
    on_error = nil
    local verification = assert(flow:verify(record.id))
    assert.is_false(verification.ok)
    assert.equal("a", verification.problems[1].step)
    assert.is_truthy(verification.problems[1].message:find("does not handle any more", 1, true))
  end)

  it("ends where the run has paused", function()
    simulator.shared():always { match = "bad", status = 400 }
    local flow = flows.flow(function(run)
      run:chat("a", ask("good"))
      run:each("b", { "good", "bad" }, ask("{{item}}"))
      run:chat("c", ask("never"))
    end)
    local record = assert(flow:start())
    assert.equal("b", record.failed_step)
    assert.same({ ok = true, reused = 2, problems = {} }, assert(flow:verify(record.id)))
  end)

  it("is of a run of the same workflow", function()
    local flow = flows.flow(function() end)
    assert.equal("config", select(2, flow:verify("zzz")).kind)
    local other = assert(require("novita").workflow("other", function() end, flows.options()))
    assert.equal("config", select(2, flow:verify(other:start().id)).kind)
  end)
end)
