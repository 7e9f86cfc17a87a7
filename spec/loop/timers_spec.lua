-- The timers of a loop: the order of sleeps, and sleeps that end early.

local novita = require("novita")

local poll = require("novita.loop.poll")
local streaming = require("spec.support.streaming")

-- What tasks write down, in their order.
local function recorder()
  local list = {}
  return list, function(item) list[#list + 1] = item end
end

describe("a task that sleeps", function()
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
