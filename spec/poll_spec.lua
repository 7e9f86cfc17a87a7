-- Tasks over the loop of scripts: their order, their errors, their cancelling.

local novita = require("novita")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.sim")
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
    assert.truthy(err:find("poll_spec.lua", 1, true))
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
    assert.truthy(select(2, pcall(novita.spawn, 5)):find("function expected", 1, true))
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
