-- A pool drives many transfers at once, and says which of them have news.

local pools = require("spec.support.pools")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local FOREVER = 30

local sim, pool

setup(function() sim = simulator.shared() end)
pools.with(function(fresh) pool = fresh end)

describe("pool:poll", function()
  it("does not wait unless it is told to", function()
    assert(pool:chat(wire.request, wire.options { deadline = 5 }))
    sim:always { delay = FOREVER }
    assert.is_true(wire.took(function() for _ = 1, 10 do pool:poll() end end) < wire.slack)
    assert.is_true(wire.took(function() for _ = 1, 10 do pool:poll(0) end end) < wire.slack)
    assert.is_true(wire.took(function() for _ = 1, 10 do pool:poll(-1) end end) < wire.slack)
  end)

  it("waits as long as it is told when there is nothing else to do", function()
    local seconds = wire.took(function() assert.are.equal(0, pool:poll(0.03)) end)
    assert.is_true(seconds >= 0.029 and seconds < 0.03 + wire.slack, seconds)
    sim:always { delay = FOREVER }
    local transfer = assert(pool:chat(wire.request, wire.options()))
    seconds = wire.took(function()
      repeat assert.are.equal(1, pool:poll(0.03)) until sim:journal()[1]
    end)
    assert.is_true(seconds >= 0.029 and seconds < 0.1 + wire.slack, seconds)
    transfer:close()
  end)

  it("says whether a transfer has news: also if it, or its pool, is closed", function()
    sim:script { { delay = FOREVER, match = "later" } }
    local sooner, slot = assert(pool:chat(wire.asking("sooner"), wire.options()))
    assert.are.equal(sooner:slot(), slot)
    local later = assert(pool:chat(wire.asking("later"), wire.options()))
    assert.is_true(select(2, pool:poll(10, sooner)))
    assert.is_false(select(2, pool:poll(0, later)))
    sooner:close()
    assert.is_true(select(2, pool:poll(10, sooner)))
    pool:close()
    assert.is_true(select(2, pool:poll(10, later)))
    assert.error_matches(function() pool:poll(0) end, "closed pool")
    assert.are.equal("cancelled", select(2, later:reply()).kind)
  end)

  it("serves many at once, each with its own answer", function()
    local COUNT = 40
    sim:always { delay = 0.2 } -- time enough for all to arrive, on a busy machine too
    local transfers, left = {}, COUNT
    local seconds = wire.took(function()
      for index = 1, COUNT do
        transfers[assert(pool:chat(wire.asking("call " .. index), wire.options()))] = index
      end
      while left > 0 do
        pool:poll(10)
        for transfer in function() return pool:ready() end do
          local reply = assert(transfer:reply())
          local expected = ('You asked: "call %d"'):format(transfers[transfer])
          assert.are.equal(expected, reply:text():sub(1, #expected))
          left = left - 1
        end
      end
    end)
    assert.are.equal(COUNT, sim:stats().most_active)
    assert.is_true(seconds < 0.2 + 2 * wire.slack, seconds)
  end)

  it("keeps the connections of a burst for the next one", function()
    sim:always { delay = 0.03 }
    for _ = 1, 3 do
      local transfers = {}
      for index = 1, 12 do transfers[index] = assert(pool:chat(wire.request, wire.options())) end
      while pool:poll(10) > 0 do repeat until not pool:ready() end
      for index = 1, 12 do assert(transfers[index]:reply()) end
    end
    local used, count = {}, 0
    for _, entry in ipairs(sim:journal()) do
      if not used[entry.connection] then count = count + 1 end
      used[entry.connection] = true
    end
    assert.are.equal(12, count)
  end)
end)

describe("two coroutines", function()
  it("can each have a call under way on one pool", function()
    local order = {}
    local function run(name, delay)
      sim:script { { delay = delay } }
      local transfer = assert(pool:chat(wire.asking(name), wire.options()))
      local reply, info = transfer:reply()
      while reply == nil and info == nil do
        coroutine.yield()
        reply, info = transfer:reply()
      end
      order[#order + 1] = name
      assert.is_truthy(reply:text():find(name, 1, true))
    end
    local slow, fast = coroutine.create(run), coroutine.create(run)
    assert(coroutine.resume(slow, "slow", 0.06))
    sim:wait_for(function(entries)
      pool:poll(0)
      return #entries == 1
    end)
    assert(coroutine.resume(fast, "fast", 0.01))
    while pool:poll(1) > 0 or #order < 2 do
      repeat until not pool:ready()
      if coroutine.status(fast) ~= "dead" then assert(coroutine.resume(fast)) end
      if coroutine.status(slow) ~= "dead" then assert(coroutine.resume(slow)) end
    end
    assert.are.same({ "fast", "slow" }, order)
  end)
end)
