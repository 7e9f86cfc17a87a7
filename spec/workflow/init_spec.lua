-- Workflows by both databases: what a run keeps, and what a retry makes again.

local novita = require("novita")

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")

local ask, asked, told = flows.ask, flows.asked, flows.told

for _, engine in ipairs(flows.engines) do
  describe("a workflow, by " .. engine.name, function()
    flows.with(engine)

    it("makes its steps in order, and keeps what the flow returns", function()
      local seen
      local flow = flows.flow(function(run, trigger)
        seen = run
        local first = run:chat("first", ask("Hello " .. trigger.name))
        local second = run:chat("second", ask(first:text() .. "!"))
        return { text = second:text(), count = 2 }
      end)
      local record = assert(flow:start { name = "Ada" })
      assert.equal("done", record.status)
      assert.same({ text = "Hello Ada!", count = 2 }, record.result)
      assert.same({ name = "Ada" }, record.trigger)
      assert.equal("spec", record.flow)
      assert.equal(1, record.passes)
      assert.equal(seen.id, record.id)
      assert.is_true(math.abs(seen.started_at - os.time()) < 60)
      assert.same({ "Hello Ada", "Hello Ada!" }, asked())
      assert.same({ "first done", "second done" }, told(record))
    end)

    it("pauses at the step that fails, and a retry sends only that", function()
      local sim = simulator.shared()
      sim:script { { match = "third", status = 500 } }
      local flow = flows.flow(function(run)
        local a = run:chat("one", ask("first")):text()
        local b = run:chat("two", ask("second")):text()
        return a .. b .. run:chat("three", ask("third")):text()
      end)
      local record = assert(flow:start())
      assert.equal("paused", record.status)
      assert.equal("three", record.failed_step)
      assert.equal("server", record.error.kind)
      assert.equal(500, record.error.status)
      assert.is_nil(record.result)
      assert.same({ "first", "second", "third" }, asked())

      sim:reset()
      local again = assert(flow:retry(record.id))
      assert.equal("done", again.status)
      assert.equal("firstsecondthird", again.result)
      assert.is_nil(again.failed_step)
      assert.is_nil(again.error)
      assert.equal(2, again.passes)
      assert.same({ "third" }, asked())
      assert.same({ "one done", "two done", "three failed", "one reused", "two reused",
        "three done" }, told(again))
    end)

    it("makes a step whose input has changed again, and those that depend on it", function()
      local prompt, broken = "second", true
      local flow = flows.flow(function(run)
        run:chat("one", ask("first"))
        local text = run:chat("two", ask(prompt)):text()
        run:chat("three", ask("of " .. text))
        run:chat("four", ask("fourth"))
        if broken then error("not yet") end
      end)
      local record = assert(flow:start())
      assert.equal("(code)", record.failed_step)
      assert.is_truthy(record.error.message:find("not yet", 1, true))
      simulator.shared():reset()
      prompt, broken = "another", false
      assert.equal("done", assert(flow:retry(record.id)).status)
      assert.same({ "another", "of another" }, asked())
    end)

    it("retries 7 of 500 items where 7 have failed", function()
      local sim = simulator.shared()
      for number = 1, 7 do
        sim:script { { match = "item " .. number * 70 .. ".", status = 400 } }
      end
      local items = {}
      for index = 1, 500 do items[index] = "item " .. index .. "." end
      local flow = flows.flow(function(run)
        local list = run:each("draft", items, ask("{{item}}"), { concurrency = 16 })
        return { #list, list[70]:text(), list[500]:text() }
      end)
      local record = assert(flow:start())
      assert.equal("paused", record.status)
      assert.equal("draft", record.failed_step)
      assert.equal("bad_request", record.error.kind)
      assert.is_truthy(record.error.message:find("^7 of 500 items failed; item 70: "))
      assert.equal(500, #sim:journal())
      sim:reset()
      record = assert(flow:retry(record.id))
      assert.same({ 500, "item 70.", "item 500." }, record.result)
      assert.equal(7, #sim:journal())
    end)

    it("counts equal inputs, whatever their order", function()
      local order, done = { "a", "a", "b" }, false
      local flow = flows.flow(function(run)
        for _, text in ipairs(order) do run:chat("same", ask(text)) end
        order = { "b", "a", "a", "a" }
        run:step("last", function()
          done = not done
          return nil, done and "not yet" or nil
        end)
      end)
      local record = assert(flow:start {})
      assert.same({ "a", "a", "b" }, asked())
      assert.equal("last", record.failed_step)
      assert.equal("done", assert(flow:retry(record.id)).status)
      assert.same({ "a", "a", "b", "a" }, asked())
    end)

    it("keeps an error that the flow handles, until the input changes", function()
      simulator.shared():always { match = "escalate", status = 400 }
      local text, fails = "escalate", true
      local flow = flows.flow(function(run)
        local note, err = run:chat("note", ask(text), { on_error = "return" })
        if fails then error("stop") end
        return note and note:text() or err.kind .. " " .. err.status
      end)
      local record = assert(flow:start())
      fails = false
      assert.equal("bad_request 400", assert(flow:retry(record.id)).result)
      assert.equal(1, #asked())
      fails = true
      record = assert(flow:start())
      text, fails = "calm down", false
      assert.equal("calm down", assert(flow:retry(record.id)).result)
    end)
  end)
end

describe("a workflow", function()
  flows.with()

  it("tells of each step as it goes", function()
    local events = {}
    local flow = flows.flow(function(run)
      run:chat("a", ask("hello"))
      run:step("b", function() return nil, "broken" end)
    end)
    local function note(event) events[#events + 1] = event.step .. " " .. event.state end
    local record = flow:start(nil, { on_step = note })
    flow:retry(record.id, { on_step = note })
    assert.same({ "a sent", "a done", "b sent", "b failed", "a reused", "b sent", "b failed" },
      events)
  end)

  it("is stopped by an error in on_step, which is raised again", function()
    local thrown = {}
    local flow = flows.flow(function(run)
      run:chat("a", ask("hello"))
      run:chat("b", ask("never"))
    end, { on_step = function(event) if event.state == "done" then error(thrown) end end })
    local ok, raised = pcall(flow.start, flow)
    assert.is_false(ok)
    assert.equal(thrown, raised)
    assert.same({ "hello" }, asked())
    local record = assert(flows.store():runs())[1]
    assert.same({ "paused", "(stopped)" }, { record.status, record.failed_step })
    assert.equal("done", assert(flow:retry(record.id, { on_step = function() end })).status)
  end)

  it("knows what its calls cost, where it is told to ask", function()
    local flow = flows.flow(function(run)
      run:chat("a", { model = "meta-llama/llama-3.3-70b-instruct", message = "Hello there" })
    end, { prices = true })
    local record = assert(flow:start())
    assert.is_true(record.usd > 0)
    assert.equal(record.usd, record.log[1].usd)
    assert.is_true(record.prompt_tokens > 0 and record.completion_tokens > 0)
    assert.equal("/openai/v1/models", simulator.shared():journal()[1].path)
  end)

  it("is refused for what can't be one", function()
    local function refused(pattern, ...)
      local ok, err = pcall(novita.workflow, ...)
      assert.is_false(ok)
      assert.is_truthy(err:find(pattern, 1, true), err)
    end
    local function fn() end
    refused("novita.workflow(): call it with a point", novita, "x", fn, { store = "x" })
    refused("workflow: expected a name, got a table", {}, fn, { store = "x" })
    refused("workflow: expected a function or a list of steps", "x", 5, flows.options())
    refused("workflow: expected a table of options", "x", fn)
    refused("options.store: is missing", "x", fn, {})
    refused('options.stroe: unknown option; did you mean "store"?', "x", fn, { stroe = "x" })
    refused("options.on_step: expected a function", "x", fn, flows.options { on_step = 5 })
    local flow, err = novita.workflow("x", fn, { store = "/nowhere/at/all.db" })
    assert.is_nil(flow)
    assert.equal("store", err.kind)
  end)
end)
