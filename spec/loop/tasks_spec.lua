-- Tasks start and wait for each other.

local novita = require("novita")

local poll = require("novita.loop.poll")

-- What tasks write down, in their order.
local function recorder()
  local list = {}
  return list, function(item) list[#list + 1] = item end
end

describe("a task", function()
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
