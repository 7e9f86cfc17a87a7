-- The permit of one attempt: what it counts, gives back and frees.

local limit = require("novita.limit")
local tasks = require("spec.support.tasks")

describe("a permit", function()
  local world, limiter, wait

  before_each(function()
    world = tasks.world()
    limiter = limit.new({ rpm = 10, tpm = 10000, burst = 60 }, tasks.environment(world))
    wait = tasks.host(world)
  end)

  local function used()
    return { limiter.requests.used, limiter.tokens.used, limiter.throttle.busy }
  end

  local REQUEST = { message = ("word"):rep(396), max_tokens = 600 }

  it("sets aside a request, its tokens and a slot", function()
    local total, prompt = limit.estimate(REQUEST)
    assert.are.same({ 999, 399 }, { total, prompt })
    limiter:acquire(REQUEST, wait)
    assert.are.same({ 1, 999, 1 }, used())
  end)

  it("gives back what was not used, and takes what was used beyond", function()
    local permit = limiter:acquire(REQUEST, wait)
    permit:settle(450)
    assert.are.same({ 1, 450, 1 }, used())
    permit:settle(1450)
    assert.are.same({ 1, 1450, 1 }, used())
    permit:release()
    permit:release()
    assert.are.same({ 1, 1450, 0 }, used())
  end)

  local ENDS = {
    { "a reply with usage", 700, { usage = { total_tokens = 700 } } },
    { "a reply without", 999, {} },
    { "a refusal", 399, nil, { kind = "server", status = 500, phase = "body" } },
    { "a 429", 399, nil, { kind = "rate_limit", status = 429, phase = "body" } },
    { "no connection", 399, nil, { kind = "connection", phase = "connect" } },
    { "something never sent", 399, nil, { kind = "config" } },
    { "a string", 399, nil, "it broke" },
    { "a time-out, while the server may go on", 999, nil, { kind = "timeout", phase = "headers" } },
    { "a broken stream", 999, nil, { kind = "stream_truncated", status = 200, phase = "stream" } },
    { "a broken stream that told its usage", 620, nil, { kind = "connection", phase = "stream",
      partial = { usage = { total_tokens = 620 } } } },
  }
  for _, case in ipairs(ENDS) do
    it("keeps the request and counts the tokens of " .. case[1], function()
      local permit = limiter:acquire(REQUEST, wait)
      permit:finish(case[3], case[4])
      assert.are.same({ 1, case[2], 0 }, used())
      permit:finish(case[3], case[4])
      assert.are.same({ 1, case[2], 0 }, used())
    end)
  end

  it("of a 429 pauses all, and of an empty account none", function()
    local first, second = limiter:acquire(10, wait), limiter:acquire(10, wait)
    first:finish(nil, { kind = "rate_limit", status = 429, code = "insufficient_quota" })
    assert.are.equal(0, limiter.throttle.count)
    second:finish(nil, { kind = "rate_limit", status = 429, headers = { ["retry-after"] = "5" } })
    local at
    world.spawn(function()
      assert(limiter:acquire(10, wait))
      at = world.now()
    end)
    world.run()
    assert.is_near(5, at, 0.01)
  end)

  it("does not come while a pause is longer than may be waited, or than the deadline", function()
    limiter:pause(100)
    local _, err = limiter:acquire(10, { sleep = world.sleep, deadline = 99 })
    assert.are.equal("deadline", err.reason)
    _, err = limiter:acquire(10, { sleep = function() return nil, "it does wait" end })
    assert.are.equal("it does wait", err)
    limiter:pause(3600)
    _, err = limiter:acquire(10, wait)
    assert.are.equal("rate_limited_local", err.kind)
    assert.are.same({ "paused", 3600 }, { err.reason, err.retry_after })
    assert.are.equal("all calls pause for 3600 s, longer than max_pause, which is 120 s",
      err.message)
  end)
end)
