
local errors = require("spec.support.errors")
local retry = require("novita.retry")
local generator = require("spec.support.random")

local WALL = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT

local DEFAULT = retry.policy()

local function half() return 0.5 end

local fail, status = errors.fail, errors.status

local function lost(reason, phase)
  return fail("connection", { reason = reason, phase = phase })
end

local function late(reason, phase)
  return fail("timeout", { reason = reason, phase = phase })
end

local function refused(fields)
  fields.status = fields.status or 429
  return fail("rate_limit", fields)
end

describe("retry.policy", function()
  it("fills in the defaults", function()
    assert.are.same({
      attempts = 5, initial_delay = 1, factor = 2, max_delay = 60, jitter = 0.25,
      max_retry_after = 120,
    }, retry.policy())
    assert.are.same(retry.policy(), retry.policy("default"))
    assert.are.same(retry.policy(), retry.policy(retry.policy()))
  end)

  it("knows presets, and differences from them", function()
    assert.are.equal(1, retry.policy("none").attempts)
    assert.is_true(retry.policy("aggressive").attempts > 5)
    local policy = retry.policy { preset = "aggressive", attempts = 3 }
    assert.are.equal(3, policy.attempts)
    assert.are.equal(retry.policy("aggressive").max_delay, policy.max_delay)
    assert.is_nil(policy.preset)
  end)

  it("leaves what it was given alone", function()
    local given = { attempts = 2 }
    retry.policy(given)
    assert.are.same({ attempts = 2 }, given)
  end)

  local wrong = {
    { { attempts = 0 }, "retry.attempts: expected an integer >= 1, got 0" },
    { { attempts = "5" }, 'retry.attempts: expected an integer >= 1, got "5"' },
    { { initial_delay = -1 }, "retry.initial_delay: expected a number >= 0, got -1" },
    { { factor = 0.5 }, "retry.factor: expected a number >= 1, got 0.5" },
    { { max_delay = "1m" }, 'retry.max_delay: expected a number >= 0, got "1m"' },
    { { jitter = 2 }, "retry.jitter: expected a number from 0 to 1, got 2" },
    { { max_retry_after = false }, "retry.max_retry_after: expected a number >= 0, got false" },
    { { when = 408 }, "retry.when: expected a function, got 408" },
    { { before = "log" }, 'retry.before: expected a function, got "log"' },
    { { retry_if = "empty" }, 'retry.retry_if: expected a function, got "empty"' },
    { { attempt = 3 }, 'retry.attempt: unknown option; did you mean "attempts"?' },
    { "brave", 'retry.preset: expected one of "aggressive", "default", "none", got "brave"' },
    { 5, "retry: expected a table of options, got 5" },
  }
  for _, case in ipairs(wrong) do
    it("says " .. case[2], function()
      local ok, message = pcall(retry.policy, case[1])
      assert.is_false(ok)
      assert.is_truthy(message:find(case[2], 1, true), message)
    end)
  end
end)

describe("retry.retryable", function()
  local function judge(err)
    return retry.retryable(err, DEFAULT, WALL)
  end

  it("goes by the status", function()
    for _, code in ipairs { 408, 409, 429, 500, 501, 502, 503, 504, 507, 520, 529, 599 } do
      assert.is_true(judge(status(code)), code)
    end
    for _, code in ipairs { 400, 401, 402, 403, 404, 405, 410, 413, 415, 418, 422, 423, 425, 431,
        451, 499 } do
      assert.is_false(judge(status(code)), code)
    end
  end)

  local cases = {
    { true, "dns", lost("dns", "connect") },
    { true, "connect", lost("connect", "connect") },
    { true, "tls", lost("tls", "connect") },
    { true, "reset while sending", lost("reset", "send") },
    { true, "cut headers", lost("protocol", "headers") },
    { true, "cut plain body", fail("connection", { phase = "body", status = 200 }) },
    { false, "cut stream", lost("reset", "stream") },
    { false, "delivered in part", fail("connection", { phase = "body", partial = {} }) },
    { true, "connect time-out", late("connect", "connect") },
    { true, "no first byte", late("first_byte", "headers") },
    { true, "attempt time-out", late("attempt", "body") },
    { true, "idle plain body", late("idle", "body") },
    { false, "idle stream", late("idle", "stream") },
    { false, "deadline", late("deadline", "headers") },
    { false, "error in a stream", fail("stream_error", { code = 429, phase = "stream" }) },
    { false, "error under 200", fail("api_error", { status = 200 }) },
    { false, "not JSON", fail("invalid_response", { status = 200 }) },
    { false, "too large", fail("response_too_large", { status = 200 }) },
    { false, "redirect", fail("redirect", { status = 307 }) },
    { true, "rate limit", refused { code = 429, reason = "RATE_LIMIT_EXCEEDED" } },
    { true, "token limit", refused { code = 429, reason = "TOKEN_LIMIT_EXCEEDED" } },
    { true, "overload", refused { type = "server_overload" } },
    { false, "quota as code", refused { code = "insufficient_quota" } },
    { false, "quota as type", refused { type = "insufficient_quota" } },
    { false, "no balance", refused { status = 403, reason = "NOT_ENOUGH_BALANCE" } },
    { false, "no balance under 500", refused { status = 500, reason = "NOT_ENOUGH_BALANCE" } },
    { false, "a code of 500 in a 400", fail("bad_request", { status = 400, code = "500" }) },
    { true, "no headers", { kind = "server", status = 503 } },
    { true, "a string", "it broke" },
    { true, "a table of another library", { message = "it broke" } },
    { true, "its status 503", { status = 503 } },
    { false, "its status 404", { status = 404 } },
    { true, "x-should-retry: true", status(400, { ["x-should-retry"] = "true" }) },
    { false, "x-should-retry: false", status(503, { ["x-should-retry"] = "false" }) },
    { false, "x-should-retry: TRUE", status(400, { ["x-should-retry"] = "TRUE" }) },
    { true, "x-should-retry: False", status(503, { ["x-should-retry"] = "False" }) },
    { false, "x-should-retry: 1", status(400, { ["x-should-retry"] = "1" }) },
    { true, "x-should-retry: ''", status(503, { ["x-should-retry"] = "" }) },
    { false, "no money in spite of x-should-retry",
      refused { code = "insufficient_quota", headers = { ["x-should-retry"] = "true" } } },
    { false, "bad JSON in spite of x-should-retry",
      fail("invalid_response", { status = 200, headers = { ["x-should-retry"] = "true" } }) },
    { true, "Retry-After at the cap", status(429, { ["retry-after"] = "120" }) },
    { false, "Retry-After over the cap", status(429, { ["retry-after"] = "121" }) },
    { false, "over the cap in spite of x-should-retry",
      status(503, { ["retry-after"] = "3600", ["x-should-retry"] = "true" }) },
    { true, "Retry-After that is not one", status(503, { ["retry-after"] = "1e9" }) },
    { false, "Retry-After of a 400", status(400, { ["retry-after"] = "1" }) },
  }
  for _, kind in ipairs { "config", "cancelled", "callback_error", "stream_truncated",
      "length_finish", "content_filter_finish", "queue_full", "rate_limited_local",
      "circuit_open" } do
    cases[#cases + 1] = { false, kind, fail(kind) }
  end
  for _, case in ipairs(cases) do
    it((case[1] and "retries: " or "does not retry: ") .. case[2], function()
      assert.are.equal(case[1], judge(case[3]))
    end)
  end
end)

describe("retry.delay", function()
  it("doubles, up to the maximum", function()
    local policy = retry.policy { jitter = 0 }
    for n, seconds in ipairs { 1, 2, 4, 8, 16, 32, 60, 60 } do
      assert.are.equal(seconds, retry.delay(policy, n - 1, nil, half))
    end
    for _, n in ipairs { 100, 1100, 1e9, 1e300 } do
      assert.are.equal(60, retry.delay(policy, n, nil, half))
    end
  end)

  it("does not wait at all when told so", function()
    for _, n in ipairs { 0, 3, 1e9 } do
      assert.are.equal(0, retry.delay(retry.policy { initial_delay = 0 }, n, nil, half))
    end
  end)

  it("takes up to the jitter away", function()
    assert.are.equal(4, retry.delay(DEFAULT, 2, nil, function() return 0 end))
    local least = retry.delay(DEFAULT, 2, nil, function() return 1 - 2 ^ -53 end)
    assert.is_true(least >= 3 and least < 3.001)
  end)

  it("treats what the server named as a floor", function()
    local random = generator(7)
    for _, told in ipairs { 0.001, 0.5, 1, 30, 119.9, 120 } do
      for n = 0, 20 do
        local delay = retry.delay(DEFAULT, n, told, random)
        assert.is_true(delay >= told and delay <= told * 1.1)
      end
    end
    assert.are.equal(0, retry.delay(DEFAULT, 0, 0, half))
  end)
end)
