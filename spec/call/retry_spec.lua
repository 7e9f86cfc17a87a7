-- Which failures a call tries again (behaviour 2, 3), over sockets.

local simulator = require("spec.support.simulator_client")
local tries = require("spec.support.attempts")

local STALL = { cut = 40, ending = "stall" }

-- Each is survived: the second attempt is answered.
local retried = {
  ["status 408"] = { { status = 408 } },
  ["status 409"] = { { status = 409 } },
  ["status 429"] = { { status = 429 } },
  ["a token limit"] = { { status = 429, reason = "TOKEN_LIMIT_EXCEEDED" } },
  ["an overloaded engine"] = { { status = 429, envelope = "B" } },
  ["status 500"] = { { status = 500 } },
  ["status 502, a page"] = { { status = 502, envelope = "html" } },
  ["status 503"] = { { status = 503 } },
  ["status 504, nothing in it"] = { { status = 504, envelope = "empty" } },
  ["status 529"] = { { status = 529 } },
  ["status 599"] = { { status = 599 } },
  ["a connection that is closed"] = { { raw = "", ending = "close" } },
  ["a connection that is reset"] = { { raw = "", ending = "reset" } },
  ["headers that break off"] = { { cut_head = 30 } },
  ["a body that is reset"] = { { cut = 40, ending = "reset" } },
  ["a body that is too short"] = { { cut = 40 } },
  ["a body without its last chunk"] = { { chunked = true, final_chunk = false, ending = "close" } },
  ["no byte for too long"] = { { delay = 0.3 }, { first_byte_timeout = 0.04 } },
  ["a body that stalls"] = { STALL, { idle_timeout = 0.04 } },
  ["an attempt that takes too long"] = { { delay = 0.3 }, { attempt_timeout = 0.04 } },
  ["status 400 with x-should-retry: true"] = {
    { status = 400, headers = { ["x-should-retry"] = "true" } } },
  ["status 503 with x-should-retry: maybe"] = {
    { status = 503, headers = { ["x-should-retry"] = "maybe" } } },
  ["status 503 with x-should-retry: False"] = {
    { status = 503, headers = { ["x-should-retry"] = "False" } } },
}

-- Each ends the call, with an error of this kind.
local final = {
  ["status 402"] = { { status = 402 }, "api_status" },
  ["status 400"] = { { status = 400 }, "bad_request" },
  ["status 401"] = { { status = 401 }, "authentication" },
  ["status 403"] = { { status = 403 }, "permission" },
  ["status 404"] = { { status = 404 }, "not_found" },
  ["status 405"] = { { status = 405 }, "api_status" },
  ["status 413"] = { { status = 413 }, "request_too_large" },
  ["status 418"] = { { status = 418 }, "api_status" },
  ["status 422"] = { { status = 422 }, "unprocessable" },
  ["status 425"] = { { status = 425 }, "api_status" },
  ["status 451"] = { { status = 451 }, "api_status" },
  ["any failure, with retry = false"] = { { status = 503 }, "server", { retry = false } },
  ["a redirect"] = { { redirect = "http://127.0.0.1:9/" }, "redirect" },
  ["an answer that is no JSON"] = { { body = "<html></html>" }, "invalid_response" },
  ["an empty answer"] = { { body = "" }, "invalid_response" },
  ["an answer of another shape"] = { { body = '{"hello":1}' }, "invalid_response" },
  ["an error under status 200"] = { { body = '{"error":{"message":"no"}}' }, "api_error" },
  ["an answer too large"] = {
    { answer = { content = ("x"):rep(3000) } }, "response_too_large",
    { max_response_bytes = 2000 } },
  ["an empty account"] = { { status = 403, reason = "NOT_ENOUGH_BALANCE" }, "permission" },
  ["an empty account, as 429"] = { { status = 429, reason = "NOT_ENOUGH_BALANCE" }, "rate_limit" },
  ["an empty quota"] = {
    { status = 429, envelope = "C", type = "insufficient_quota" }, "rate_limit" },
  ["an empty quota, by its code"] = {
    { status = 429, envelope = "C", code = "insufficient_quota" }, "rate_limit" },
  ["status 503 with x-should-retry: false"] = {
    { status = 503, headers = { ["x-should-retry"] = "false" } }, "server" },
  ["status 429 with x-should-retry: false"] = {
    { status = 429, headers = { ["x-should-retry"] = "false" } }, "rate_limit" },
}

describe("a chat tries again after", function()
  for name, case in pairs(retried) do
    it(name, function()
      local outcome = tries.chat({ case[1] }, case[2])
      assert.is_truthy(outcome.reply, tostring(outcome.err))
      assert.are.equal(2, #outcome.sent)
      assert.is_true(outcome.waits[1] >= 0.75 and outcome.waits[1] <= 1)
      assert.are.equal(1, #outcome.waits)
      assert.are.equal(2, #outcome.info.attempts)
    end)
  end

  it("a connection that is refused", function()
    local outcome = tries.chat({}, { base_url = simulator.refused() })
    assert.are.equal("connection", outcome.err.kind)
    assert.are.equal(5, #outcome.err.attempts)
    assert.are.equal(4, #outcome.waits)
  end)

  it("a connection that is not made in time", function()
    local url, close = simulator.deaf()
    local outcome = tries.chat({}, {
      base_url = url, connect_timeout = 0.03, retry = { attempts = 2 },
    })
    close()
    assert.are.equal("connect", outcome.err.reason)
    assert.are.equal(2, #outcome.err.attempts)
  end)
end)

describe("a chat does not try again after", function()
  for name, case in pairs(final) do
    it(name, function()
      local outcome = tries.chat({ case[1] }, case[3])
      assert.is_nil(outcome.reply)
      assert.are.equal(case[2], outcome.err.kind)
      assert.are.equal(1, #outcome.sent)
      assert.are.equal(0, #outcome.waits)
      assert.are.equal(1, #outcome.err.attempts)
    end)
  end

  it("a request that can't be sent", function()
    local outcome = tries.chat({}, nil, { model = "m", message = "Hi", temperature = 7 })
    assert.are.equal("config", outcome.err.kind)
    assert.are.equal(0, #outcome.sent)
    assert.are.equal(0, #outcome.waits)
  end)
end)
