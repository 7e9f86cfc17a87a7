-- The sentences of the FAQ of the action "Novita Chat Completion", each as a test.

local novita = require("novita")

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")

local ask, asked = flows.ask, flows.asked

describe("the FAQ of the action:", function()
  flows.with()

  it("every field mapped from a trigger, an earlier step, a table row or a literal", function()
    local record = assert(flows.flow({
      { name = "settings", chat = ask('{"temperature":0.5,"format":"text"}') },
      { name = "rows", each = "{{trigger.rows}}", chat = {
        model = "{{trigger.model}}",                                     -- from the trigger
        message = "Describe {{row.product}}",                            -- from a table row
        system_prompt = "You are brief.",                                -- a literal
        temperature = "{{steps.settings.json.temperature}}",             -- from an earlier step
        max_tokens = "{{row.tokens}}", top_p = "0.9",
        response_format = "{{steps.settings.json.format}}",
      } },
    }):start { model = flows.MODEL, rows = { { product = "a chair", tokens = 64 } } })
    assert.same({ "Describe a chair" }, record.result)
    assert.same({
      model = flows.MODEL, temperature = 0.5, max_tokens = 64, top_p = 0.9,
      response_format = { type = "text" },
      messages = {
        { role = "system", content = "You are brief." },
        { role = "user", content = "Describe a chair" },
      },
    }, novita.json.decode(simulator.shared():journal()[2].body))
  end)

  it("response fields used for routing, logging and error handling", function()
    local log = {}
    local flow = flows.flow(function(run, trigger)
      local reply, err = run:chat("ask", {
        model = flows.MODEL, message = trigger.text, max_tokens = trigger.max,
      }, { on_error = "return" })
      if not reply then return "page somebody: " .. err.kind end                 -- error handling
      log[#log + 1] = ("%s %s %d"):format(reply.id, reply.model, reply.usage.total_tokens)
      if reply.choices[1].finish_reason == "length" then return "too long" end   -- routing
      return reply.choices[1].message.content
    end)
    assert.equal("fine", assert(flow:start { text = "fine" }).result)
    assert.is_truthy(log[1]:find("^%S+ simulator/echo %d+$"), log[1])
    simulator.shared():script { { answer = { finish_reason = "length" } } }
    assert.equal("too long", assert(flow:start { text = "long" }).result)
    simulator.shared():script { { status = 400 } }
    assert.equal("page somebody: bad_request", assert(flow:start { text = "x" }).result)
  end)

  it("the workflow pauses on the failed node", function()
    simulator.shared():script { { match = "second", status = 401 } }
    local record = assert(flows.flow {
      { name = "one", chat = ask("first") },
      { name = "two", chat = ask("second") },
      { name = "three", chat = ask("third") },
    }:start())
    assert.same({ "paused", "two" }, { record.status, record.failed_step })
    assert.same({ "first", "second" }, asked())
  end)

  it("the error message is captured in the run log", function()
    simulator.shared():script { { status = 402, message = "not enough balance" } }
    local flow = flows.flow { { name = "one", chat = ask("x") } }
    local record = assert(flow:start())
    local entry = flows.store():run(record.id).log[1]
    assert.equal("failed", entry.state)
    assert.equal(402, entry.status)
    assert.is_truthy(entry.error.message:find("not enough balance", 1, true))
    assert.is_truthy(record.error.message:find("not enough balance", 1, true))
  end)

  it("retry the run with one click", function()
    simulator.shared():script { { match = "second", status = 400 } }
    local flow = flows.flow {
      { name = "one", chat = ask("first") }, { name = "two", chat = ask("second") },
    }
    local id = assert(flow:start()).id
    assert.equal("done", assert(flow:retry(id)).status)
    assert.same({ "first", "second", "second" }, asked())
  end)

  it("auto-retry policies configurable per workflow with exponential backoff up to 5 attempts",
    function()
      simulator.shared():always { status = 503 }
      local waits = {}
      local flow = flows.flow({
        { name = "one", chat = ask("x"), on_error = "return" },
        { name = "two", chat = ask("y"), retry = { attempts = 2 } },
      }, {
        retry = { attempts = 5, initial_delay = 0.01, jitter = 0,
          before = function(_, _, delay) waits[#waits + 1] = delay end },
      })
      local record = assert(flow:start())
      assert.equal("two", record.failed_step)
      assert.same({ 0.01, 0.02, 0.04, 0.08, 0.01 }, waits)
      assert.equal(5 + 2, #asked())
      assert.equal(5 + 2, #record.log)
    end)

  it("a loop over arrays", function()
    local record = assert(flows.flow {
      { name = "each", each = { "red", "green", "blue" }, chat = ask("{{index}} {{item}}") },
    }:start())
    assert.same({ "1 red", "2 green", "3 blue" }, record.result)
  end)

  it("rate limits handled without throttling by hand", function()
    simulator.shared():script { { status = 429, headers = { ["Retry-After"] = "0" } } }
    local flow = flows.flow({
      { name = "each", each = { "a", "b", "c" }, chat = ask("{{item}}") },
    }, { limit = { rpm = 6000 }, retry = "default" })
    local record = assert(flow:start())
    assert.same({ "a", "b", "c" }, record.result)
    assert.equal(4, #asked())
  end)
end)
