-- Tasks over the loop of scripts: their order, their errors, their cancelling.
-- Covers: lua/novita/loop/task.lua lua/novita/loop/tasks.lua lua/novita/loop/timers.lua
-- Covers: lua/novita/loop/turns.lua lua/novita/loop/resuming.lua

local novita = require("novita")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

-- What tasks write down, in their order.
local function recorder()
  local list = {}
  return list, function(item) list[#list + 1] = item end
end

describe("a task", function()
  it("runs until it first waits, and goes on while others wait", function()
    local list, note = recorder()
    for number = 1, 3 do
      novita.spawn(function()
        note("begin " .. number)
        poll.sleep(0.01 * (4 - number))
        note("end " .. number)
      end)
    end
    note("outside")
    novita.run()
    assert.same({ "begin 1", "begin 2", "begin 3", "outside", "end 3", "end 2", "end 1" }, list)
  end)

  it("goes on when another one of the same moment has, in the order of their sleep", function()
    local list, note = recorder()
    for number = 1, 20 do
      novita.spawn(function()
        poll.sleep(0)
        note(number)
      end)
    end
    local seconds = streaming.took(novita.run)
    for number = 1, 20 do assert.equal(number, list[number]) end
    assert.is_true(seconds < streaming.slack / 4)
  end)

  it("hands over all its results, nil too", function()
    local task = novita.spawn(function() return 1, nil, 3, nil end)
    assert.is_true(task.done)
    assert.equal(5, select("#", task:join()))
    assert.same({ true, 1, nil, 3 }, { task:join() })
    assert.equal(4, select("#", task:wait()))
    assert.equal(0, select("#", novita.spawn(function() end):wait()))
  end)

  it("may be waited for by many, inside and outside", function()
    local task = novita.spawn(function()
      poll.sleep(0.01)
      return "done"
    end)
    local list, note = recorder()
    for _ = 1, 3 do novita.spawn(function() note(task:wait()) end) end
    assert.equal("done", task:wait())
    novita.run()
    assert.same({ "done", "done", "done" }, list)
  end)

  it("may wait for another, and that for another, and so on", function()
    local tasks = {}
    tasks[1] = novita.spawn(function()
      poll.sleep(0.005)
      return 1
    end)
    for number = 2, 3000 do
      tasks[number] = novita.spawn(function() return tasks[number - 1]:wait() + 1 end)
    end
    assert.equal(3000, tasks[3000]:wait())
  end)

  it("may start tasks", function()
    local outer = novita.spawn(function()
      local inner = novita.spawn(function()
        poll.sleep(0.005)
        return "inner"
      end)
      return inner:wait() .. " and outer"
    end)
    assert.equal("inner and outer", outer:wait())
  end)

  it("is what current() tells", function()
    local inside, nested
    local task = novita.spawn(function()
      inside = poll.current()
      coroutine.wrap(function() nested = poll.current() end)()
    end)
    assert.equal(task, inside)
    assert.equal(task, nested)
    assert.is_nil(poll.current())
  end)

  it("is forgotten when it has ended, well or not", function()
    local weak = setmetatable({}, { __mode = "k" })
    for number = 1, 20 do
      local task = novita.spawn(function()
        poll.sleep(0)
        if number % 2 == 0 then error("no") end
      end)
      weak[task] = true
      task:join()
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)
end)

describe("an error in a task", function()
  it("is the same value to who waits for it", function()
    local thrown = {}
    local task = novita.spawn(function() error(thrown) end)
    assert.same({ false, thrown }, { task:join() })
    assert.equal(thrown, select(2, pcall(task.wait, task)))
    task = novita.spawn(function()
      poll.sleep(0)
      error("just words", 0)
    end)
    assert.same({ false, "just words" }, { task:join() })
    novita.run()
  end)

  it("is raised by run() when nobody waited for it, once, with its traceback", function()
    local ended = false
    novita.spawn(function() error("first", 0) end)
    novita.spawn(function() error("second", 0) end)
    novita.spawn(function()
      poll.sleep(0.01)
      ended = true
    end)
    local ok, err = pcall(novita.run)
    assert.is_false(ok)
    assert.equal("first", err:match("^[^\n]+"))
    assert.truthy(err:find("scheduler_spec.lua", 1, true))
    assert.is_true(ended)
    novita.run()
  end)

  it("does not disturb others", function()
    simulator.shared():reset()
    local client = streaming.client()
    local task = novita.spawn(function() return client:chat(streaming.request) end)
    novita.spawn(function() error("no") end):join()
    assert.is_truthy(task:wait())
  end)

  it("is to wait for itself, to run all from within, or to be no function", function()
    local task
    task = novita.spawn(function()
      poll.sleep(0)
      return task:join()
    end)
    assert.truthy(select(2, task:join()):find("itself", 1, true))
    local ok, err = novita.spawn(function() novita.run() end):join()
    assert.is_false(ok)
    assert.truthy(err:find("run()", 1, true))
    assert.truthy(select(2, pcall(novita.spawn, 5)):find("expected a function", 1, true))
  end)
end)

describe("cancelling a task", function()
  it("does nothing to one that has ended", function()
    local task = novita.spawn(function() return 1 end)
    task:cancel()
    assert.equal(1, task:wait())
  end)

  it("ends its wait for another, which goes on", function()
    local other = novita.spawn(function()
      poll.sleep(0.02)
      return "unharmed"
    end)
    local task = novita.spawn(function() return other:join() end)
    task:cancel()
    local _, ok, err = task:join()
    assert.is_false(ok)
    assert.equal("cancelled", err.kind)
    assert.equal("unharmed", other:wait())
  end)

  it("ends it where it can't yield, too", function()
    local task
    novita.spawn(function()
      poll.sleep(0.01)
      task:cancel()
    end)
    local seconds = streaming.took(function()
      novita.spawn(function()
        task = poll.current()
        return coroutine.wrap(function() return poll.sleep(5) end)()
      end)
    end)
    assert.is_false(task:wait())
    assert.is_true(seconds < streaming.slack)
  end)
end)

describe("an abandoned task", function()
  local function abandoned(fn)
    local task = novita.spawn(fn)
    task:abandon()
    return task
  end

  it("is never resumed; run() does not wait for it, and nothing is left of it", function()
    local went_on = false
    local held = setmetatable({}, { __mode = "v" })
    local task = abandoned(function()
      local value = {}
      held[1] = value
      poll.sleep(60)
      went_on = value ~= nil
    end)
    assert.is_nil(poll.due())
    assert.is_true(streaming.took(novita.run) < streaming.slack)
    collectgarbage()
    collectgarbage()
    assert.is_nil(held[1])
    assert.same({ true, false, false }, { task.done, task.ok, went_on })
  end)

  it("is an error to those that wait for it, inside and outside", function()
    local task = novita.spawn(function() poll.sleep(60) end)
    local inside = novita.spawn(function() return task:join() end)
    task:abandon()
    local _, ok, err = inside:join()
    assert.same({ false, "cancelled" }, { ok, err.kind })
    assert.equal("cancelled", select(2, task:join()).kind)
    assert.equal("cancelled", select(2, pcall(task.wait, task)).kind)
    novita.run()
  end)

  it("has its call cancelled", function()
    local sim = simulator.shared()
    sim:reset()
    sim:always { delay = 30 }
    local client = streaming.client()
    local task = novita.spawn(function() return client:chat(streaming.request) end)
    novita.spawn(function()
      while not sim:journal()[1] do poll.sleep(0.005) end
      task:abandon()
    end)
    novita.run()
    assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
    sim:reset()
    assert.is_truthy(client:chat(streaming.request))
  end)

  it("may wait for another, which goes on, or may not have begun to wait", function()
    local other = novita.spawn(function()
      poll.sleep(0.005)
      return "unharmed"
    end)
    local joins = abandoned(function() return other:join() end)
    local yields = abandoned(function() coroutine.yield() end)
    assert.equal("unharmed", other:wait())
    novita.run()
    assert.same({ true, true }, { joins.done, yields.done })
  end)

  it("that runs goes on as cancelled, and its results are dropped", function()
    local list, note = recorder()
    local task = novita.spawn(function()
      poll.current():abandon()
      note(poll.sleep(60))
      return "result"
    end)
    local sorts
    novita.spawn(function()
      poll.sleep(0.005)
      sorts:abandon()
    end)
    novita.spawn(function()
      sorts = poll.current()
      coroutine.wrap(function() note(poll.sleep(60)) end)() -- can't yield to the loop
      return "result"
    end)
    novita.run()
    assert.same({ false, false }, list)
    assert.equal("cancelled", select(2, task:join()).kind)
    assert.equal("cancelled", select(2, sorts:join()).kind)
  end)

  it("may be abandoned again, or after its end", function()
    local task = abandoned(function() poll.sleep(60) end)
    task:abandon()
    task:cancel()
    local ended = novita.spawn(function() return "result" end)
    ended:abandon()
    assert.equal("result", ended:wait())
  end)
end)

describe("a sleep that ends early", function()
  it("leaves no timer, whether it is woken or cancelled", function()
    for _, name in ipairs { "wake", "cancel" } do
      local tasks = {}
      for number = 1, 10000 do
        tasks[number] = novita.spawn(function() return poll.sleep(60 + number % 7) end)
      end
      for _, task in ipairs(tasks) do
        if name == "wake" then poll.wake(task) else task:cancel() end
      end
      novita.run()
      assert.is_nil(poll.due())
      assert.equal(name == "wake", tasks[5000]:wait())
    end
  end)

  it("may be ended twice, and may be the only one of many", function()
    local list, note = recorder()
    local first = novita.spawn(function() note(poll.sleep(0.01)) end)
    local second = novita.spawn(function() note(poll.sleep(60)) end)
    poll.wake(second)
    poll.wake(second)
    assert.same({}, list)
    poll.turn()
    assert.same({ true }, list)
    first:wait()
    assert.same({ true, true }, list)
  end)
end)

describe("tasks that start each other", function()
  it("may be nested without a limit", function()
    local function nest(depth)
      if depth == 0 then return 0 end
      return novita.spawn(function() return nest(depth - 1) end):wait() + 1
    end
    assert.equal(1000, novita.spawn(function() return nest(1000) end):wait())
  end)
end)
