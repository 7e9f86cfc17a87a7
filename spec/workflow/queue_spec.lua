-- The queue of runs: what is queued is run once, by any process that has the flow.

local novita = require("novita")

local flows = require("spec.support.flows")
local sim = require("spec.support.simulator_client").shared()

local function ask_twice(run, trigger)
  run:chat("first", flows.ask(trigger.text))
  return run:chat("second", flows.ask("and then")):text()
end

-- The same store in another process, as far as locks and connections are concerned.
local function other_store()
  return assert(novita.store(flows.address()))
end

for _, engine in ipairs(flows.engines) do
  describe("the queue of runs, by " .. engine.name, function()
    flows.with(engine)

    it("is filled without the flow, and worked off in order", function()
      local store = flows.store()
      local flow = flows.flow(ask_twice)
      assert.is_nil(flow:work())
      local ids = {}
      for index = 1, 3 do
        local record = assert(store:queue_run("spec", { text = "run " .. index }))
        assert.are.same({ "queued", "spec", { text = "run " .. index } },
          { record.status, record.flow, record.trigger })
        ids[index] = record.id
      end
      assert(store:queue_run("another", {}))
      for index = 1, 3 do
        local record = assert(flow:work())
        assert.are.same({ ids[index], "done" }, { record.id, record.status })
      end
      assert.are.same({ nil, nil }, { flow:work() })
      assert.are.equal(6, #flows.asked())
    end)

    it("takes a paused run again, whose steps that have a result send nothing", function()
      local store = flows.store()
      local flow = flows.flow(ask_twice)
      sim:script { { answer = { content = "one" } }, { status = 400 } }
      local record = assert(flow:start { text = "go" })
      assert.are.same({ "paused", "second" }, { record.status, record.failed_step })
      record = assert(store:queue_retry(record.id:sub(1, 8)))
      assert.are.equal("queued", record.status)
      assert.are.equal("queued", assert(store:queue_retry(record.id)).status)
      sim:reset()
      record = assert(flow:work())
      assert.are.same({ "done", 2 }, { record.status, record.passes })
      assert.are.same({ "and then" }, flows.asked())
      local again, err = store:queue_retry(record.id)
      assert.are.same({ "config", record.id .. " is done; fork it to run a part again" },
        { again or err.kind, err.message:gsub("^id: ", "") .. "" })
    end)

    it("gives a run to one worker only", function()
      local store = flows.store()
      local flow = flows.flow(ask_twice)
      local record = assert(store:queue_run("spec", { text = "go" }))
      local other = other_store()
      local lock = assert(other:lock("run " .. record.id))
      assert.are.same({ nil, nil }, { flow:work() })
      lock:release()
      other:close()
      assert.are.equal("done", assert(flow:work()).status)
    end)

    -- Calls fn when a worker has looked for a run, and has not locked it yet.
    local function before_the_lock(fn)
      local runner = require("novita.workflow.runner")
      local make_pass = runner.make_pass
      runner.make_pass = function(...)
        runner.make_pass = make_pass
        fn()
        return make_pass(...)
      end
    end

    it("does not run again what another worker has run since it looked", function()
      local flow = flows.flow(ask_twice)
      local other = flows.flow(ask_twice)
      sim:script { { status = 400 } }
      for _, ending in ipairs { "paused", "done" } do
        assert(flows.store():queue_run("spec", { text = "go" }))
        before_the_lock(function() assert.are.equal(ending, assert(other:work()).status) end)
        assert.are.same({ nil, nil }, { flow:work() })
        assert.are.equal(ending, flows.store():runs()[1].status)
      end
    end)

    it("goes on to the next run where one was removed since it looked", function()
      local store = flows.store()
      local flow = flows.flow(ask_twice)
      local gone = assert(store:queue_run("spec", { text = "gone" }))
      local next_one = assert(store:queue_run("spec", { text = "next" }))
      before_the_lock(function()
        assert(require("novita.workflow.records").remove(store, gone.id))
      end)
      assert.are.equal(next_one.id, assert(flow:work()).id)
    end)

    it("pauses a run whose trigger is damaged, and goes on to the next", function()
      local store, flow = flows.store(), flows.flow(ask_twice)
      local damaged = assert(store:queue_run("spec", { text = "a" }))
      local good = assert(store:queue_run("spec", { text = "b" }))
      assert(store:query("update run set trigger = '{\"te' where id = $1", damaged.id))
      local record = assert(flow:work())
      assert.are.same({ damaged.id, "paused", "(code)", "corrupt" },
        { record.id, record.status, record.failed_step, record.error.reason })
      assert.are.same({ good.id, "done" }, { flow:work().id, store:run(good.id).status })
      assert.is_nil(flow:work())
      local _, err = flow:retry(damaged.id)
      local said = ("run %s: its trigger can't be read: "):format(damaged.id)
      assert.are.equal(said, err.message:sub(1, #said))
    end)

    it("does not know other ids, nor triggers that JSON has not", function()
      local record, err = flows.store():queue_retry("none")
      assert.are.same({ "config", "id" }, { record or err.kind, err.param })
      record, err = flows.store():queue_run("spec", { print })
      assert.are.same({ "config", "trigger" }, { record or err.kind, err.param })
      assert.is_false(pcall(flows.store().queue_run, flows.store(), 5))
    end)
  end)
end
