-- Each turn of a loop serves tasks, news and timers alike.

local core = require("novita.core")
local novita = require("novita")

local poll = require("novita.loop.poll")
local streaming = require("spec.support.streaming")

local request = streaming.request
local client

describe("calls in tasks", function()
  before_each(function() client = streaming.fresh() end)

  it("have their turn although a task yields all the time", function()
    local done = false
    novita.spawn(function()
      assert(client:chat(request))
      poll.sleep(0.01)
      done = true
    end)
    novita.spawn(function()
      while not done do coroutine.yield("whatever") end
    end)
    novita.run()
    assert.is_true(done)
  end)

  it("leave timers their turn although there is always news", function()
    local woken, calls = nil, 0
    local start = core.now()
    for _ = 1, 8 do
      novita.spawn(function()
        while not woken do
          assert(client:chat(request))
          calls = calls + 1
        end
      end)
    end
    novita.spawn(function()
      poll.sleep(0.05)
      woken = core.now() - start
    end)
    novita.run()
    assert.is_true(calls > 8)
    assert.is_true(woken < 0.05 + streaming.slack)
  end)
end)
