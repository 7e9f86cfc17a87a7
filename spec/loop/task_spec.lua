-- The end of tasks before their time: cancelled, or abandoned.

local novita = require("novita")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

-- What tasks write down, in their order.
local function recorder()
  local list = {}
  return list, function(item) list[#list + 1] = item end
end

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
