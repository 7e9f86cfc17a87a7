-- What a store keeps of a run: its steps, their attempts, its prompts.

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")

local ask, asked, told = flows.ask, flows.asked, flows.told

for _, engine in ipairs(flows.engines) do
  describe("a workflow, by " .. engine.name, function()
    flows.with(engine)

    it("keeps no prompt, and no answer of a run that is done, without prompts", function()
      local store = flows.store { prompts = false }
      local fails = true
      local flow = flows.flow(function(run, trigger)
        run:chat("ask", ask("secret " .. trigger.word))
        if fails then error("stop", 0) end
        return "fine"
      end)
      local record = assert(flow:start { word = "xyzzy" })
      local function kept()
        local list = {}
        for _, sql in ipairs { "select trigger from run", "select input from step",
          "select result from step" } do
          list[#list + 1] = assert(store:query(sql))[1][1] or "none"
        end
        return table.concat(list, "\n")
      end
      assert.is_nil(kept():find("messages", 1, true))
      fails = false
      simulator.shared():reset()
      record = assert(flow:retry(record.id))
      assert.equal("fine", record.result)
      assert.same({}, asked())
      assert.equal("none\nnone\nnone", kept())
      local _, err = flow:fork(record.id)
      assert.equal("config", err.kind)
    end)
  end)
end

describe("a workflow", function()
  flows.with()

  it("retries as its policy says, and each attempt is in the log", function()
    simulator.shared():script { { status = 503 }, { status = 503 } }
    local flow = flows.flow(function(run) return run:chat("a", ask("x")):text() end,
      { retry = { attempts = 3, initial_delay = 0.01 } })
    local record = assert(flow:start())
    assert.equal("x", record.result)
    assert.same({ "a failed", "a failed", "a done" }, told(record))
    assert.equal("server", record.log[1].error.kind)
    assert.equal(503, record.log[2].status)
    assert.equal(3, record.log[3].attempt)
    assert.is_true(record.log[3].at >= record.log[1].at)
    assert.is_string(record.log[3].request_id)
  end)
end)
