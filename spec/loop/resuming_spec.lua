-- The end of tasks: their results, their errors, and who gets them.

local novita = require("novita")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

describe("a task", function()
  it("hands over all its results, nil too", function()
    local task = novita.spawn(function() return 1, nil, 3, nil end)
    assert.is_true(task.done)
    assert.equal(5, select("#", task:join()))
    assert.same({ true, 1, nil, 3 }, { task:join() })
    assert.equal(4, select("#", task:wait()))
    assert.equal(0, select("#", novita.spawn(function() end):wait()))
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
    novita.spawn(function() error("first\0of all", 0) end)
    novita.spawn(function() error("second", 0) end)
    novita.spawn(function()
      poll.sleep(0.01)
      ended = true
    end)
    local ok, err = pcall(novita.run)
    assert.is_false(ok)
    assert.equal("first\0of all", err:match("^[^\n]+"))
    assert.truthy(err:find("\nstack traceback:\n", 1, true))
    assert.truthy(err:find("resuming_spec.lua", 1, true))
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
