-- Calls in tasks: together, whatever else goes on, and wherever code may stand.

local novita = require("novita")

local poll = require("novita.loop.poll")
local streaming = require("spec.support.streaming")

local request = streaming.request
local is_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit") -- no yield across pcall there
local sim, client

describe("calls in tasks", function()
  before_each(function() client, sim = streaming.fresh() end)

  it("go on at once: two cold ones do not wait for each other's response", function()
    sim:always { delay = 0.1 }
    poll.pool():close()
    local seconds = streaming.took(function()
      for _ = 1, 2 do novita.spawn(function() assert(client:chat(request)) end) end
      novita.run()
    end)
    assert.equal(2, sim:stats().most_active)
    assert.is_true(seconds < 0.1 + streaming.slack)
  end)

  -- Three tasks, each of which makes its call in a place where not every Lua may yield. Another one
  -- goes on meanwhile.
  local function each_place(call)
    local list, others = {}, 0
    sim:always { delay = streaming.slack / 2 }
    novita.spawn(function()
      while #list < 3 do
        poll.sleep(0.002)
        others = others + 1
      end
    end)
    for _ = 1, 3 do novita.spawn(function() table.insert(list, (call())) end) end
    novita.run()
    assert.equal(3, #list)
    for _, text in ipairs(list) do assert.truthy(text:find("Hello", 1, true)) end
    assert.is_true(others >= 2)
    return sim:stats().most_active
  end

  it("may be made inside pcall", function()
    local together = each_place(function()
      return select(2, pcall(client.chat, client, request)):text()
    end)
    if not is_51 then assert.equal(3, together) end
  end)

  it("may be made in a coroutine of the task's own", function()
    each_place(function()
      local next_text = coroutine.wrap(function()
        coroutine.yield(assert(client:chat(request)):text())
      end)
      return next_text()
    end)
  end)

  it("may be made in a callback of a C function", function()
    each_place(function()
      return (("x"):gsub("x", function() return assert(client:chat(request)):text() end))
    end)
  end)

  it("may be streams in a for loop", function()
    local together = each_place(function()
      local parts = {}
      for text in assert(client:stream(request)):text() do parts[#parts + 1] = text end
      return table.concat(parts)
    end)
    if not is_51 then assert.equal(3, together) end
  end)

  it("may be made in callbacks of others", function()
    each_place(function()
      local inner
      assert(client:chat(request, { on_chunk = function()
        inner = inner or assert(client:chat(request)):text()
      end }))
      return inner
    end)
  end)
end)
