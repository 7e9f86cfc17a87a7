-- Waits for transfers, by tasks and by the code outside of them.

local novita = require("novita")
local socket = require("socket")

local loops = require("novita.loop")
local poll = require("novita.loop.poll")
local streaming = require("spec.support.streaming")
local wire = require("spec.support.wire")

local request = streaming.request
local sim, client

describe("calls in tasks", function()
  before_each(function() client, sim = streaming.fresh() end)

  it("go on while code outside waits for its own", function()
    local seen = 0
    local task = novita.spawn(function()
      for _ = 1, 3 do
        assert(client:chat(request))
        seen = seen + 1
      end
    end)
    sim:script { { match = "outside", delay = 0.1 + streaming.slack } }
    assert(client:chat { model = streaming.model, message = "outside" })
    assert.equal(3, seen)
    task:wait()
  end)

  it("may not be two that read one stream", function()
    local stream = streaming.open(streaming.silent {})
    local first = novita.spawn(function() return stream:next() end)
    local ok, err = novita.spawn(function() return stream:next() end):join()
    assert.is_false(ok)
    assert.truthy(err:find("waiting for this answer already", 1, true))
    stream:cancel()
    assert.equal("cancelled", select(3, first:join()).kind)
  end)

  -- The process is busy until the timer of the second task and the end are due in one turn.
  it("may not be two that read one stream, not its end either", function()
    local stream = streaming.open { events = { streaming.chunk("a"), streaming.finish("stop") },
      pace = 0.05 }
    local first = novita.spawn(function() return stream:reply() end)
    local second = novita.spawn(function()
      loops.here().sleep(0.1)
      repeat until not stream:next(0)
    end)
    socket.sleep(0.4)
    assert.is_false((second:join()))
    assert.equal("a", first:wait():text())
  end)

  it("may read a stream for which one was interrupted that waited", function()
    local stream = streaming.open { events = { streaming.chunk("a"), streaming.finish("stop") },
      pace = 0.1 }
    assert(stream:next())
    local loop, raises = loops.here(), true
    local first = novita.spawn(function()
      local wait = stream.loop.wait
      stream.loop = setmetatable({ wait = function(...)
        wait(...)
        if raises then error("interrupted", 0) end
      end }, { __index = loop })
      assert(not pcall(stream.next, stream, 0.02))
      stream.loop, raises = loop, false
      loop.sleep(0.3)
    end)
    local second = novita.spawn(function()
      loop.sleep(0.05)
      return stream:reply()
    end)
    assert.equal("a", second:wait():text())
    first:wait()
  end)

  it("leave the slot of a transfer that has ended to the next", function()
    local pool = poll.pool()
    local first, slot = pool:chat(request, wire.options { deadline = 5 })
    local waits = novita.spawn(function() return loops.here().wait(first, 0.2) end)
    local second
    local called = novita.spawn(function()
      first:close()
      sim:script { { delay = 0.5 } }
      local taken
      second, taken = pool:chat(request, wire.options { deadline = 5 })
      assert.equal(slot, taken)
      return loops.here().wait(second, 3)
    end)
    assert.is_false(waits:wait())
    assert.is_true(called:wait())
    second:close()
  end)
end)
