local retry = require("novita.retry")
local generator = require("spec.support.random")

local WALL = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT

local function half() return 0.5 end

-- What retry.run stands on, with a clock that only sleeping moves; `slept` is what was slept.
local function world(fields)
  local env = { slept = {}, random = half, error = function(err) return err end }
  local now = 100
  function env.now() return now end
  function env.time() return WALL + now - 100 end
  function env.sleep(seconds)
    env.slept[#env.slept + 1] = seconds
    now = now + seconds
  end
  for key, value in pairs(fields or {}) do env[key] = value end
  return env
end

local function status(code, headers)
  return { kind = code == 429 and "rate_limit" or "api_status", status = code, headers = headers }
end

-- A function that plays a script: a function that makes an error, or values to return. The last
-- goes on for ever. The second result counts the calls.
local function script(...)
  local outcomes, calls = { ... }, { n = 0 }
  return function(n)
    calls.n = calls.n + 1
    assert.are.equal(calls.n, n)
    local outcome = outcomes[math.min(n, #outcomes)]
    if type(outcome) == "function" then return nil, outcome() end
    return outcome, "info", nil, 4
  end, calls
end

local function err503() return status(503) end

local function err400() return status(400) end

describe("retry.run", function()
  local function run(fn, options, env)
    return retry.run(fn, retry.policy(options), env or world())
  end

  it("returns the attempts, then all that fn returned", function()
    local fn = script("reply")
    assert.are.equal(5, select("#", run(fn)))
    fn = script("reply")
    assert.are.same({ { { seconds = 0 } }, "reply", "info", nil, 4 }, { run(fn) })
  end)

  it("waits longer each time and tells each attempt's error and wait", function()
    local env = world()
    local first, second = status(503), status(500)
    local attempts, reply = run(script(function() return first end, function() return second end,
      "reply"), { jitter = 0 }, env)
    assert.are.equal("reply", reply)
    assert.are.same({ 1, 2 }, env.slept)
    assert.are.equal(first, attempts[1].error)
    assert.are.equal(second, attempts[2].error)
    assert.are.same({ 1, 2 }, { attempts[1].delay, attempts[2].delay })
    assert.are.same({ seconds = 0 }, attempts[3])
    assert.is_nil(first.attempts)
  end)

  it("ends after the last attempt with the last error", function()
    local env = world()
    local fn, calls = script(err503, err503, err503, err503, function() return status(502) end)
    local attempts, reply, err = run(fn, nil, env)
    assert.is_nil(reply)
    assert.are.equal(502, err.status)
    assert.are.equal(5, calls.n)
    assert.are.equal(4, #env.slept)
    assert.are.equal(attempts, err.attempts)
    assert.are.equal(5, #attempts)
    assert.are.equal(503, attempts[4].error.status)
    assert.is_nil(attempts[5].error)
    assert.is_nil(attempts[5].delay)
  end)

  it("ends at once with a failure that is final, even after one that was not", function()
    local fn, calls = script(err503, err400)
    local attempts, _, err = run(fn)
    assert.are.equal(400, err.status)
    assert.are.equal(2, calls.n)
    assert.are.equal(503, attempts[1].error.status)
  end)

  it("never puts an error into its own list", function()
    local same = status(503)
    local _, _, err = run(script(function() return same end), { attempts = 3 })
    assert.are.equal(same, err)
    for _, attempt in ipairs(err.attempts) do assert.is_nil(attempt.error) end
  end)

  it("measures how long attempts took", function()
    local env = world()
    local attempts = run(function() env.sleep(3) return true end, nil, env)
    assert.are.equal(3, attempts[1].seconds)
  end)

  it("takes nil without an error, and false, for success", function()
    assert.are.equal(1, #run(function() end))
    local _, value = run(function() return false, "no" end)
    assert.is_false(value)
  end)

  it("retries what it does not know, and leaves it as it is", function()
    local fn, calls = script(function() return "it broke" end)
    local attempts, _, err = run(fn)
    assert.are.equal("it broke", err)
    assert.are.equal(5, calls.n)
    assert.are.equal("it broke", attempts[5].error)
    local theirs = { message = "it broke" }
    run((script(function() return theirs end)))
    assert.are.same({ message = "it broke" }, theirs)
  end)

  it("waits as long as the server says, by its clock or by ours", function()
    for value, least in pairs {
      ["7"] = 7, ["0.5"] = 0.5, ["Sun, 06 Nov 1994 08:50:07 GMT"] = 30,
      ["Sunday, 06-Nov-94 08:50:07 GMT"] = 30, ["Sun Nov  6 08:50:07 1994"] = 30,
    } do
      local env = world()
      run(script(function() return status(503, { ["retry-after"] = value }) end, true), nil, env)
      assert.are.same({ least * 1.05 }, env.slept)
    end
  end)

  it("does not retry sooner than it may: over the cap it ends", function()
    local env = world()
    local fn, calls = script(function() return status(429, { ["retry-after"] = "121" }) end)
    local _, _, err = run(fn, { when = function() return true end }, env)
    assert.are.equal(429, err.status)
    assert.are.equal(121, err.retry_after)
    assert.are.equal(1, calls.n)
    assert.are.same({}, env.slept)
    fn = script(function() return status(429, { ["retry-after"] = "121" }) end)
    _, _, err = run(fn, { max_retry_after = 300, attempts = 2 }, env)
    assert.are.same({ 121 * 1.05 }, env.slept)
    assert.are.equal(2, #err.attempts)
  end)

  it("reports Retry-After of a failure that is final, and does not mind garbage", function()
    for value, seconds in pairs { ["9"] = 9, ["0x9"] = false } do
      local fn = script(function() return status(404, { ["retry-after"] = value }) end)
      local _, _, err = run(fn)
      assert.are.equal(404, err.status)
      assert.are.equal(seconds or nil, err.retry_after)
    end
  end)

  it("ends at once where the next wait would cross the deadline", function()
    local env = world { deadline = 102 }
    local fn, calls = script(err503)
    local _, _, err = run(fn, { jitter = 0 }, env)
    assert.are.equal(503, err.status)
    assert.are.equal(2, calls.n)
    assert.are.same({ 1 }, env.slept)
  end)

  it("ends with the error of a sleep that was cancelled", function()
    local env = world { sleep = function() return nil, { kind = "cancelled" } end }
    local fn, calls = script(err503)
    local attempts, reply, err = run(fn, nil, env)
    assert.is_nil(reply)
    assert.are.equal("cancelled", err.kind)
    assert.are.equal(1, calls.n)
    assert.are.equal(attempts, err.attempts)
    assert.are.equal(503, attempts[1].error.status)
  end)

  it("asks `when`, and goes by the usual rule where it says nothing", function()
    local asked = {}
    local function when(err, attempt)
      asked[#asked + 1] = attempt
      if err.status == 400 then return attempt < 3 end
      if err.status == 503 then return nil end
      return false
    end
    local fn, calls = script(err400)
    run(fn, { when = when })
    assert.are.equal(3, calls.n)
    assert.are.same({ 1, 2, 3 }, asked)
    fn, calls = script(err503)
    run(fn, { when = when })
    assert.are.equal(5, calls.n)
    fn, calls = script(function() return status(500) end)
    run(fn, { when = when })
    assert.are.equal(1, calls.n)
  end)

  it("does not let `when` repeat what was delivered, cancelled or is too late", function()
    for _, err in ipairs {
      { kind = "connection", phase = "stream" }, { kind = "stream_truncated", partial = {} },
      { kind = "cancelled" }, { kind = "timeout", reason = "deadline" },
    } do
      local fn, calls = script(function() return err end)
      run(fn, { when = function() return true end })
      assert.are.equal(1, calls.n)
    end
  end)

  it("tells `before` of each wait, and only of waits", function()
    local told = {}
    local env = world()
    run(script(err503, err503, "reply"), { before = function(attempt, err, delay)
      told[#told + 1] = { attempt, err.status, delay, #env.slept }
    end }, env)
    assert.are.same({ { 1, 503, env.slept[1], 0 }, { 2, 503, env.slept[2], 1 } }, told)
  end)

  it("lets errors that are thrown through", function()
    local thrown = {}
    local function throw() error(thrown, 0) end
    for _, options in ipairs { { when = throw }, { before = throw }, { retry_if = throw } } do
      local fn = script(options.retry_if and "reply" or err503)
      local ok, err = pcall(run, fn, options)
      assert.is_false(ok)
      assert.are.equal(thrown, err)
    end
    local _, err = pcall(run, throw)
    assert.are.equal(thrown, err)
  end)

  it("asks for another answer where one is bad, and hands over the last", function()
    local function bad(reply) return reply ~= "good" and "bland" or nil end
    local attempts, reply = run(script("poor", "good"), { retry_if = bad })
    assert.are.equal("good", reply)
    assert.are.equal("bland", attempts[1].error.reason)
    assert.are.equal("poor", attempts[1].error.reply)

    local fn, calls = script("poor")
    local _, none, err = run(fn, { retry_if = bad, attempts = 3 })
    assert.is_nil(none)
    assert.are.equal(3, calls.n)
    assert.are.equal("invalid_response", err.kind)
    assert.are.equal("the answer is unusable: bland", err.message)
    assert.are.equal("poor", err.reply)
  end)

  it("does not run out of stack", function()
    local function fn() return nil, "again" end
    local attempts = run(fn, { attempts = 300000 }, world { sleep = function() end })
    assert.are.equal(300000, #attempts)
  end)
end)

describe("a thousand scripts of faults", function()
  local STATUS = { 200, 400, 403, 408, 409, 429, 500, 502, 503, 504 }
  local AFTER = { "0", "1", "2.5", "30", "119", "120", "121", "9999", "-3", "nan", "1e2", "0x1f",
    "Sun, 06 Nov 1994 08:52:00 GMT", "Sunday, 06-Nov-94 08:50:00 GMT", "Sun Nov  6 08:00:00 1994" }
  local random = generator(4)

  local function pick(list)
    return list[1 + math.floor(random() * #list)]
  end

  local function outcome()
    if random() < 0.1 then return { kind = "connection", reason = "reset", phase = pick {
      "connect", "headers", "body", "stream" } } end
    local code = pick(STATUS)
    if code == 200 then return nil end
    local headers = {}
    if random() < 0.6 then headers["retry-after"] = pick(AFTER) end
    if random() < 0.2 then headers["retry-after-ms"] = pick { "10", "2500", "0", "x" } end
    if random() < 0.2 then headers["x-should-retry"] = pick { "true", "false", "True" } end
    return status(code, headers)
  end

  it("never wait shorter than Retry-After, nor exceed the attempts or the deadline", function()
    for _ = 1, 1000 do
      local env = world { random = random }
      local policy = retry.policy { attempts = 1 + math.floor(random() * 8) }
      if random() < 0.5 then env.deadline = 100 + random() * 200 end
      local calls, floor = 0, nil
      local sleep = env.sleep
      function env.sleep(seconds)
        assert.is_true(seconds >= (floor or 0))
        assert.is_true(seconds <= math.max(policy.max_delay, policy.max_retry_after * 1.1))
        sleep(seconds)
      end
      local attempts, reply, err = retry.run(function()
        calls = calls + 1
        assert.is_true(calls <= policy.attempts)
        assert.is_true(env.now() < (env.deadline or math.huge))
        local failure = outcome()
        if not failure then return "reply" end
        floor = retry.after(failure.headers, env.time())
        return nil, failure
      end, policy, env)
      assert.are.equal(calls, #attempts)
      assert.are.equal(calls - 1, #env.slept)
      assert.is_true(reply == "reply" or err.attempts == attempts)
    end
  end)
end)
