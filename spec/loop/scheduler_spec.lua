-- Tasks over the loop of scripts: when each runs, and which one does.

local novita = require("novita")

local poll = require("novita.loop.poll")

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
end)
