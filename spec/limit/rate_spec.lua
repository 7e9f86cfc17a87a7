-- The limiter against servers that enforce 600 requests and 60,000 tokens a minute, and permits.

local limit = require("novita.limit")
local quota = require("spec.support.quota")
local retry = require("novita.retry")
local generator = require("spec.support.random")
local tasks = require("spec.support.tasks")

local function between(least, most)
  return function(random) return math.floor(least + (most - least + 1) * random()) end
end

-- Sixty workers call for some minutes, with retries; `load` says how large calls are and seem.
-- What the server let in from the second minute on is counted.
local function simulate(options, admit, load)
  local world, random = tasks.world(), generator(load.seed or 1)
  local env = tasks.environment(world, random)
  local limiter, wait = limit.new(options, env), tasks.host(world, not load.sleep_alone)
  local policy = retry.policy()
  local seen = { refused = 0, bursts = 0, calls = 0, tokens = 0, done = 0, lost = 0 }
  local burst = -math.huge

  local function attempt(size)
    local permit = assert(limiter:acquire(load.seems and load.seems(size) or size, wait))
    world.sleep(0.01 + 0.2 * random())
    local now = world.now()
    local ok, after = admit(now, size)
    if not ok then
      seen.refused = seen.refused + 1
      if now > burst + 0.25 then seen.bursts, burst = seen.bursts + 1, now end
      local headers = load.tells and { ["retry-after"] = ("%d"):format(math.ceil(after)) } or {}
      local err = { kind = "rate_limit", status = 429, headers = headers, phase = "headers" }
      permit:finish(nil, err)
      return nil, err
    end
    if now >= 60 and now < 300 then
      seen.calls, seen.tokens = seen.calls + 1, seen.tokens + size
    end
    world.sleep(0.5 + (load.slow or 6) * random())
    local reply = { usage = { total_tokens = size } }
    permit:finish(reply)
    return reply
  end

  for _ = 1, 60 do
    world.spawn(function()
      while world.now() < 300 do
        local size = load.size(random)
        local run = { sleep = world.sleep }
        for name, value in pairs(env) do run[name] = value end
        local _, reply = retry.run(function() return attempt(size) end, policy, run)
        local outcome = reply and "done" or "lost"
        seen[outcome] = seen[outcome] + 1
      end
    end)
  end
  world.run()
  assert.are.equal(0, limiter.throttle.busy)
  seen.pauses = limiter.throttle.count
  return seen
end

describe("limits that are the server's", function()
  local LOADS = {
    ["small calls"] = { size = between(10, 60), seems = function() return 60 end, calls = 2280 },
    ["calls that use both limits up"] = { size = function() return 100 end, calls = 2280,
      tokens = 228000 },
    ["calls of half the tokens they seem"] = { size = between(50, 150),
      seems = function() return 200 end, tokens = 228000, seed = 2 }, -- of few, one is refused
    ["calls of twice the tokens they seem"] = { size = between(300, 500),
      seems = function() return 200 end, tokens = 228000 },
    ["calls of a tenth of the tokens they seem"] = { size = between(50, 250),
      seems = function() return 1500 end, tokens = 216000 }, -- 90 %: harder to foresee
  }
  for name, load in pairs(LOADS) do
    for model, server in pairs(quota) do
      it("draw no 429 and are used up by " .. name .. ": " .. model, function()
        local seen = simulate({ rpm = 600, tpm = 60000 }, server(600, 60000, 17), load)
        assert.are.equal(0, seen.refused)
        assert.is_true(seen.calls >= (load.calls or 0), seen.calls)
        assert.is_true(seen.tokens >= (load.tokens or 0), seen.tokens)
        assert.is_true(seen.calls <= 2400 and seen.tokens <= 240000)
      end)
    end
  end
end)

describe("limits in a host that only sleeps", function()
  it("draw no 429 and are used up", function()
    local load = { size = function() return 100 end, sleep_alone = true }
    local seen = simulate({ rpm = 600, tpm = 60000 }, quota.sliding(600, 60000), load)
    assert.are.equal(0, seen.refused)
    assert.is_true(seen.calls >= 2280)
  end)
end)

describe("limits that are too high", function()
  for _, options in ipairs { { rpm = 1200, tpm = 120000 }, { concurrency = 48 }, {} } do
    for _, tells in ipairs { true, false } do
      for model, server in pairs(quota) do
        local given = (next(options) or "none") .. (tells and ", with" or ", without")
        it("pause once a burst and lose no call: " .. given .. " Retry-After, " .. model, function()
          local load = { size = between(50, 150), tells = tells, slow = 2 }
          local seen = simulate(options, server(600, 60000, 17), load)
          assert.is_true(seen.refused > 0)
          assert.are.equal(0, seen.lost)
          assert.are.equal(seen.bursts, seen.pauses)
          assert.is_true(seen.refused < seen.done / 10, seen.refused)
        end)
      end
    end
  end
end)

describe("500 calls that succeed, fail, are cancelled and are late", function()
  for _, wakes in ipairs { true, false } do
    it("leave no slot taken and nobody waiting, " .. (wakes and "woken" or "sleeping"), function()
      local world, random = tasks.world(), generator(9)
      local limiter = limit.new({ rpm = 300, tpm = 90000, concurrency = 7 },
        tasks.environment(world, random))
      local ended, most, busy = 0, 0, 0
      for _ = 1, 500 do
        local wait = tasks.host(world, wakes)
        local till = random() * 120
        if random() < 0.2 then wait.deadline = till end
        if random() < 0.2 then wait.cancelled = function() return world.now() > till end end
        local waiting
        local task = world.spawn(function()
          world.sleep(random() * 100)
          waiting = true
          local permit, err = limiter:acquire(between(1, 900)(random), wait)
          waiting = false
          ended = ended + 1
          if not permit then return assert.is_string(err.kind) end
          busy = busy + 1
          most = math.max(most, busy)
          world.sleep(random() * 3)
          busy = busy - 1
          local dice = random()
          if dice < 0.6 then return permit:finish({ usage = { total_tokens = 300 } }) end
          if dice < 0.7 then return permit:release() end
          permit:finish(nil, { kind = "server", status = dice < 0.75 and 429 or 500 })
        end)
        if random() < 0.1 then
          world.spawn(function()
            world.sleep(till)
            if waiting then world.wake(task, { kind = "cancelled" }) end
          end)
        end
      end
      world.run()
      assert.are.equal(500, ended)
      assert.are.equal(7, most)
      assert.are.equal(0, limiter.throttle.busy)
      assert.are.equal(limiter.last + 1, limiter.first)
    end)
  end
end)
