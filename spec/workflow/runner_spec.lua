-- Runs in a store: written down, begun under a lock, forked, ended.

local novita = require("novita")

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")

local ask, asked, told = flows.ask, flows.asked, flows.told

for _, engine in ipairs(flows.engines) do
  describe("a workflow, by " .. engine.name, function()
    flows.with(engine)

    it("is refused to a second one that would run it at once", function()
      local flow, other
      flow = flows.flow(function(run)
        run:step("nested", function()
          local record, err = flow:retry(run.id)
          other = err
          return record
        end)
      end)
      assert.equal("done", assert(flow:start()).status)
      assert.equal("store", other.kind)
      assert.equal("locked", other.reason)
    end)

    it("makes a fork with the steps before one", function()
      local flow = flows.flow(function(run)
        local text = run:chat("one", ask("first")):text()
        text = run:chat("two", ask("second " .. text)):text()
        return run:chat("three", ask("third " .. text)):text()
      end)
      local record = assert(flow:start { n = 1 })
      simulator.shared():reset()
      local fork = assert(flow:fork(record.id, "two"))
      assert.are_not.equal(record.id, fork.id)
      assert.equal(record.id, fork.parent)
      assert.equal(record.result, fork.result)
      assert.same({ n = 1 }, fork.trigger)
      assert.same({ "second first", "third second first" }, asked())
      assert.same({ "one reused", "two done", "three done" }, told(fork))
      assert.equal("done", flows.store():run(record.id).status)
    end)

    it("leaves no run behind where a fork can't be written whole", function()
      local store = flows.store()
      local flow = flows.flow(function(run) return run:step("one", function() return 1 end) end)
      local record = assert(flow:start())
      assert(store:query("alter table step rename to other"))
      for _, name in ipairs { "one", false } do
        local fork, err = flow:fork(record.id, name or nil)
        assert.same({ "store" }, { fork or err.kind })
      end
      assert.equal(1, #assert(store:runs()))
      assert(store:query("alter table other rename to step"))
      assert.equal("done", assert(flow:fork(record.id)).status)
    end)
  end)
end

describe("a workflow", function()
  flows.with()

  it("can be written down now and run later", function()
    local flow = flows.flow(function(run, trigger)
      return run:chat("a", ask(trigger.text)):text()
    end)
    local record = assert(flow:start({ text = "later" }, { queue = true }))
    assert.equal("queued", record.status)
    assert.same({}, asked())
    assert.equal("later", assert(flow:retry(record.id)).result)
  end)

  it("has no run of another workflow, of another id, or that is done", function()
    local flow = flows.flow(function() return 1 end)
    local other = assert(novita.workflow("other", function() end, flows.options()))
    local record = assert(flow:start())
    local function message(...) return select(2, ...).message end
    assert.equal(('id: %s is done; fork it to run a part again'):format(record.id),
      message(flow:retry(record.id)))
    assert.equal(('id: %s is a run of the workflow "spec"'):format(record.id),
      message(other:retry(record.id)))
    assert.equal('id: "zzz" is the id of no run', message(flow:retry("zzz")))
    assert.equal(("step: %s has no step x"):format(record.id), message(flow:fork(record.id, "x")))
    assert.equal("trigger: a function can't be sent", message(flow:start(print)))
  end)
end)
