-- The tasks of a run: how it pauses, whatever its code does, and how it is stopped.

local novita = require("novita")
local poll = require("novita.loop.poll")

local child = require("spec.support.child")
local flows = require("spec.support.flows")
local native = require("spec.support.native")
local simulator = require("spec.support.simulator_client")

local ask, asked = flows.ask, flows.asked
local IS_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

describe("a run that pauses", function()
  flows.with()

  it("is not kept going by a pcall around a step", function()
    if IS_51 then return end -- Lua 5.1 can't yield out of pcall: the step raises there
    simulator.shared():always { match = "bad", status = 400 }
    local tries = 0
    local flow = flows.flow(function(run)
      local ok
      repeat
        tries = tries + 1
        ok = pcall(run.chat, run, "a", ask("bad"))
      until ok
    end)
    assert.equal("a", assert(flow:start()).failed_step)
    assert.equal(1, tries)
    assert.same({ "bad" }, asked())
  end)

  it("has no step where Lua can't yield: in a sort, and in a pcall of Lua 5.1", function()
    local function sort(run)
      table.sort({ 1, 2, 3 }, function() return run:chat("a", ask("x")) end)
    end
    local function call(run) error(select(2, pcall(run.chat, run, "a", ask("x"))), 0) end
    for _, body in ipairs { sort, IS_51 and call or nil } do
      local record = assert(flows.flow(body):start())
      assert.equal("(code)", record.failed_step)
      assert.is_truthy(record.error.message:find('step "a": Lua can\'t yield here', 1, true),
        record.error.message)
    end
    assert.same({}, asked())
    novita.run()
  end)

  it("lets the steps under way end, keeps what they bring, and begins no other", function()
    simulator.shared():script {
      { match = "bad", status = 400, delay = 0.05 }, { match = "slow", delay = 0.2 },
    }
    local flow = flows.flow(function(run)
      local slow = novita.spawn(function()
        run:chat("slow", ask("slow"))
        run:chat("next", ask("never"))
      end)
      run:chat("bad", ask("bad"))
      slow:wait()
    end)
    local record = assert(flow:start())
    assert.equal("bad", record.failed_step)
    table.sort(record.log, function(a, b) return a.step < b.step end)
    assert.same({ "bad failed", "slow done" }, flows.told(record))
    novita.run() -- no task is left that it would wait for
    assert.equal(2, #asked())
  end)

  it("does so too where its tasks wait for each other", function()
    simulator.shared():script { { match = "2", status = 400 } }
    local flow = flows.flow(function(run)
      local inner = novita.spawn(function() return run:each("e", { 1, 2, 3 }, ask("{{item}}")) end)
      return inner:wait()
    end)
    assert.equal("e", assert(flow:start()).failed_step)
    novita.run()
  end)

  it("has no step in a task that a step has started, or one that such has started", function()
    local flow = flows.flow(function(run)
      run:step("outer", function()
        return novita.spawn(function()
          return novita.spawn(function() return run:chat("inner", ask("x")):text() end):wait()
        end):wait()
      end)
    end)
    local record = assert(flow:start())
    assert.equal("outer", record.failed_step)
    assert.is_truthy(record.error.message:find('step "inner": is in the step "outer"', 1, true),
      record.error.message)
    assert.same({}, asked())
    novita.run()
  end)

  it("does not wait for a step that waits for a task that the pause has parked", function()
    simulator.shared():always { match = "bad", status = 400 }
    local fails = true
    local flow = flows.flow(function(run)
      local bad = novita.spawn(function()
        poll.sleep(0.05)
        return run:chat("bad", ask(fails and "bad" or "good")):text()
      end)
      local between = novita.spawn(function() return bad:wait() end)
      return run:step("waits", function() return between:wait() end)
    end)
    local record = assert(flow:start())
    assert.equal("bad", record.failed_step)
    assert.same({ "waits failed", "bad failed" }, flows.told(record))
    assert.equal("cancelled", record.log[1].error.kind)
    novita.run()
    fails = false
    assert.equal("good", assert(flow:retry(record.id)).result)
  end)

  it("has no step in a coroutine of the flow's own, which could not pause", function()
    for _, body in ipairs {
      function(run) coroutine.wrap(function() run:chat("a", ask("x")) end)() end,
      function(run)
        local thread = coroutine.create(function() run:step("a", {}, error) end)
        error(select(2, coroutine.resume(thread)), 0)
      end,
    } do
      local record = assert(flows.flow(body):start())
      assert.equal("(code)", record.failed_step)
      assert.is_truthy(record.error.message:find('step "a": is in a coroutine of', 1, true))
    end
    assert.same({}, asked())
  end)

  it("does not wait for the step of a task that was abandoned", function()
    local flow = flows.flow(function(run)
      local task = novita.spawn(function() run:step("slow", {}, function() poll.sleep(60) end) end)
      poll.sleep(0.01)
      task:abandon()
      return run:step("quick", {}, function() return 1 end)
    end)
    local record = assert(flow:start())
    assert.same({ "done", 1 }, { record.status, record.result })
    assert.same({ "slow failed its task was abandoned", "quick done" }, {
      ("%s %s %s"):format(record.log[1].step, record.log[1].state, record.log[1].error.message),
      record.log[2].step .. " " .. record.log[2].state,
    })
  end)

  it("pauses at (code) where the code between the steps raises, and runs it again", function()
    local fails = true
    local flow = flows.flow(function(run)
      local text = run:chat("a", ask("x")):text()
      if fails then text = text.nothing.at.all end
      return text
    end)
    local record = assert(flow:start())
    assert.equal("(code)", record.failed_step)
    assert.equal("callback_error", record.error.kind)
    assert.is_truthy(record.error.message:find("pass_spec.lua:%d+: "))
    assert.is_nil(record.error.message:find("\n"))
    fails = false
    assert.equal("x", assert(flow:retry(record.id)).result)
    assert.same({ "x" }, asked())
  end)

  it("pauses where it returns what JSON can't have", function()
    for _, value in ipairs { print, 0 / 0, { 1, nil, 3 } } do
      local record = assert(flows.flow(function() return value end):start())
      assert.equal("(code)", record.failed_step)
      assert.equal("config", record.error.kind)
    end
  end)

  it("is cancelled with the task that has started it", function()
    simulator.shared():always { delay = 5 }
    local flow = flows.flow(function(run) run:chat("a", ask("x")) end)
    local task = novita.spawn(function() return flow:start() end)
    repeat poll.sleep(0.01) until simulator.shared():journal()[1]
    task:cancel()
    local record = assert(task:wait())
    assert.equal("paused", record.status)
    assert.equal("a", record.failed_step)
    assert.equal("cancelled", record.error.kind)
  end)

  it("refuses steps when it is over", function()
    local kept
    local flow = flows.flow(function(run) kept = run end)
    assert(flow:start())
    local ok, err = pcall(kept.chat, kept, "a", ask("x"))
    assert.is_false(ok)
    assert.is_truthy(err:find('step "a": the run is over, or never began', 1, true), err)
  end)
end)

describe("a run that is interrupted", function()
  flows.with()

  local CODE = [[
    local novita = require("novita")
    local flow = assert(novita.workflow("spec", function(run)
      run:chat("one", { model = "simulator/echo", message = "one" })
      run:chat("two", { model = "simulator/echo", message = "two" })
    end, { store = os.getenv("STORE"), retry = "none" }))
    local record = assert(flow:start())
    print(record.id, record.status, record.failed_step, record.error.kind, record.error.message)
  ]]

  local function start()
    return child.start(CODE, {
      STORE = flows.address(), NOVITA_BASE_URL = simulator.shared().url, NOVITA_API_KEY = "sk_spec",
    })
  end

  local function wait_for_request()
    simulator.shared():wait_for(function(entries) return entries[1] end)
  end

  it("lets the step under way end, and pauses", function()
    simulator.shared():script { { match = "one", delay = 0.3 } }
    local process = start()
    wait_for_request()
    native.kill(process.pid, "INT")
    local output, how, number = process:finish()
    assert.same({ "exit", 0 }, { how, number }, output)
    assert.is_truthy(output:find("paused\t(stopped)\tcancelled\tinterrupted", 1, true), output)
    assert.same({ "one" }, asked())
    local record = assert(flows.store():run(output:match("^%x+")))
    assert.same({ "one done" }, flows.told(record))
  end)

  it("cancels the step under way at the second interrupt", function()
    simulator.shared():script { { match = "one", delay = 20 } }
    local process = start()
    wait_for_request()
    native.kill(process.pid, "INT")
    poll.sleep(0.3) -- signals that come together count as one
    native.kill(process.pid, "INT")
    local output, how, number = process:finish()
    assert.same({ "exit", 0 }, { how, number }, output)
    assert.is_truthy(output:find("paused\tone\tcancelled", 1, true), output)
  end)
end)
