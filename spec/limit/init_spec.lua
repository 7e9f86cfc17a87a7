local limit = require("novita.limit")
local generator = require("spec.support.random")
local tasks = require("spec.support.tasks")

local HOSTS = { "sleep alone", "wake" }

-- A world, a limiter in it, and what a waiting call of such a host stands on.
local function setup(options, host, seed)
  local world = tasks.world()
  local environment = tasks.environment(world, seed and generator(seed))
  return world, limit.new(options, environment), tasks.host(world, host == "wake")
end

local function with(wait, fields)
  return setmetatable(fields, { __index = wait })
end

describe("limit.new", function()
  it("names what is wrong", function()
    for _, case in ipairs {
      { { rpm = 0 }, "limit.rpm: expected an integer >= 1, got 0" },
      { { tpm = "50k" }, 'limit.tpm: expected an integer >= 1, got "50k"' },
      { { concurrency = 1.5 }, "limit.concurrency: expected an integer >= 1, got 1.5" },
      { { queue = -1 }, "limit.queue: expected an integer >= 0, got -1" },
      { { burst = 61 }, "limit.burst: expected a number from 0 to 60, got 61" },
      { { rps = 5 }, 'limit.rps: unknown option; did you mean "rpm"?' },
    } do
      local ok, message = pcall(limit.new, case[1], tasks.environment(tasks.world()))
      assert.is_false(ok)
      assert.is_truthy(message:find(case[2], 1, true), message)
    end
  end)
end)

for _, host in ipairs(HOSTS) do describe("a limiter, with " .. host .. ",", function()
  it("lets everything through without limits", function()
    local world, limiter, wait = setup({}, host)
    local done = 0
    for _ = 1, 100 do
      world.spawn(function()
        local permit = assert(limiter:acquire({ message = "Hi" }, wait))
        world.sleep(1)
        permit:finish({ choices = {} })
        done = done + 1
      end)
    end
    world.run()
    assert.are.equal(100, done)
    assert.are.equal(1, world.now())
  end)

  it("keeps the slots, and the order of who came", function()
    local world, limiter, wait = setup({ concurrency = 3 }, host)
    local busy, most, order = 0, 0, {}
    for i = 1, 60 do
      world.spawn(function()
        local permit = assert(limiter:acquire(nil, wait))
        order[#order + 1], busy = i, busy + 1
        most = math.max(most, busy)
        world.sleep(0.5 + (i % 7) / 10)
        busy = busy - 1
        permit:release()
        permit:release()
      end)
    end
    world.run()
    assert.are.equal(3, most)
    for i = 1, 60 do assert.are.equal(i, order[i]) end
    assert.is_true(world.now() < 20 * 0.9)
    assert.are.equal(0, limiter.throttle.busy)
  end)

  it("does not let small calls overtake a large one", function()
    local world, limiter, wait = setup({ tpm = 1000, burst = 60 }, host)
    local order = {}
    for _, size in ipairs { 600, 900, 10, 10, 10 } do
      world.spawn(function()
        assert(limiter:acquire(size, wait)):release()
        order[#order + 1] = { size, world.now() }
      end)
    end
    world.run()
    assert.are.same({ 600, 0 }, order[1])
    assert.are.equal(900, order[2][1])
    assert.is_near(61, order[2][2], 0.2)
    assert.are.equal(5, #order)
  end)

  it("refuses at once what can never fit, with its numbers", function()
    local _, limiter, wait = setup({ tpm = 1000 }, host)
    local permit, err = limiter:acquire({ message = "Hi", max_tokens = 5000 }, wait)
    assert.is_nil(permit)
    assert.are.equal("rate_limited_local", err.kind)
    assert.are.equal("tokens", err.reason)
    assert.are.equal("the call may use 5004 tokens, more than the limit of 1000 a minute",
      err.message)
  end)

  it("bounds the queue", function()
    for queue = 0, 3 do
      local world, limiter, wait = setup({ concurrency = 1, queue = queue }, host)
      local done, full = 0, 0
      for _ = 1, 6 do
        world.spawn(function()
          local permit, err = limiter:acquire(nil, wait)
          if not permit then
            assert.are.equal("queue_full", err.kind)
            assert.is_truthy(err.message:find(queue .. " calls", 1, true))
            full = full + 1
            return
          end
          world.sleep(1)
          permit:release()
          done = done + 1
        end)
      end
      world.run()
      assert.are.equal(1 + queue, done)
      assert.are.equal(5 - queue, full)
    end
  end)

  it("ends a wait at its deadline, and serves those behind", function()
    local world, limiter, wait = setup({ concurrency = 1 }, host)
    local permit, at, served = assert(limiter:acquire(nil, wait)), nil, nil
    world.spawn(function()
      local none, err = limiter:acquire(nil, with(wait, { deadline = 2.5 }))
      assert.is_nil(none)
      assert.are.equal("timeout", err.kind)
      assert.are.equal("deadline", err.reason)
      at = world.now()
    end)
    world.spawn(function()
      assert(limiter:acquire(nil, wait)):release()
      served = world.now()
    end)
    world.spawn(function() world.sleep(4) permit:release() end)
    world.run()
    assert.is_near(2.5, at, 0.01)
    assert.is_near(4, served, 0.02)
    assert.is_nil((limiter:acquire(nil, with(wait, { deadline = 1 }))))
  end)

  it("can be cancelled while it waits, by asking or by the sleep", function()
    local world, limiter, wait = setup({ rpm = 1, burst = 0 }, host)
    local cancelled, ends = false, {}
    assert(limiter:acquire(nil, wait)):release()
    local function waiter(env)
      return world.spawn(function()
        local permit, err = limiter:acquire(nil, env)
        ends[#ends + 1] = { permit == nil and err.kind, world.now() }
      end)
    end
    waiter(with(wait, { cancelled = function() return cancelled end }))
    local second = waiter(wait)
    waiter(wait)
    world.spawn(function()
      world.sleep(1)
      cancelled = true
      world.sleep(1)
      world.wake(second, { kind = "cancelled" })
    end)
    world.run()
    assert.are.equal("cancelled", ends[1][1])
    assert.is_true(ends[1][2] <= 1.11)
    assert.are.same({ "cancelled", 2 }, ends[2])
    assert.is_false(ends[3][1])
    assert.is_near(61, ends[3][2], 0.2)
  end)

  it("asks for nothing when it is cancelled before", function()
    local _, limiter, wait = setup({ rpm = 5 }, host)
    local _, err = limiter:acquire(nil, with(wait, { cancelled = function() return true end }))
    assert.are.equal("cancelled", err.kind)
    assert.are.equal(0, limiter.requests.used)
  end)

  it("takes back what was granted to one that leaves in the same moment", function()
    local world, limiter, wait = setup({ concurrency = 1, rpm = 100, tpm = 1000 }, host)
    local first, kind = assert(limiter:acquire(100, wait)), nil
    local second = world.spawn(function()
      local _, err = limiter:acquire(200, wait)
      kind = err and err.kind
    end)
    world.spawn(function()
      world.sleep(1.0001)
      first:release()
      world.wake(second, { kind = "cancelled" })
    end)
    world.run()
    assert.are.equal("cancelled", kind)
    assert.are.equal(0, limiter.throttle.busy)
    assert.are.same({ 1, 100 }, { limiter.requests.used, limiter.tokens.used })
    assert.is_truthy((limiter:acquire(nil, wait)))
  end)

  it("counts a call from when it goes, not from when it might have", function()
    local world, limiter, wait = setup({ concurrency = 1, rpm = 10, tpm = 1000 }, host)
    local first = assert(limiter:acquire(1, wait))
    world.spawn(function() limiter:acquire(1, { sleep = function() world.sleep(3) end }) end)
    world.spawn(function() world.sleep(1) first:release() end)
    world.run()
    assert.are.same({ 0, 3 }, { limiter.requests.log[1].at, limiter.requests.log[2].at })
    assert.are.same({ 0, 3 }, { limiter.tokens.log[1].at, limiter.tokens.log[2].at })
  end)

  it("finds the slots and the places of those that were dropped", function()
    local world, limiter, wait = setup({ concurrency = 2, queue = 2 }, host)
    local served, calls = 0, {}
    local function call(seconds)
      calls[#calls + 1] = world.spawn(function()
        local permit = assert(limiter:acquire(nil, wait))
        served = served + 1
        world.sleep(seconds)
        permit:release()
      end)
    end
    local function drop(i) -- no copy of it may stay on this function's stack
      world.drop(calls[i])
      calls[i] = false
    end
    call(100)
    call(100)
    call(1)
    world.run(5)
    drop(1)
    drop(3)
    call(1)
    for second = 6, 15 do
      world.run(second)
      collectgarbage()
      collectgarbage()
    end
    assert.are.equal(3, served)
    world.run()
    assert.are.equal(0, limiter.throttle.busy)
  end)

  it("keeps the place of one that was only late", function()
    local world, limiter, wait = setup({ concurrency = 1 }, host)
    local first, order = assert(limiter:acquire(nil, wait)), {}
    local function call(name, env)
      world.spawn(function()
        local permit = assert(limiter:acquire(nil, env))
        order[#order + 1] = name
        world.sleep(1)
        permit:release()
      end)
    end
    local function sleep_long() return world.sleep(20) end
    call("late", { sleep = sleep_long })
    call("second", wait)
    call("third", wait)
    world.run(8) -- "late" is overdue
    first:release()
    call("fourth", wait)
    world.run(19.5)
    first = assert(limiter:acquire(nil, wait))
    call("fifth", wait)
    world.spawn(function() world.sleep(2) first:release() end)
    world.run()
    assert.are.equal("second third fourth late fifth", table.concat(order, " "))
  end)
end) end
