-- Errors without an answer, or with a part of one: the kinds and reasons of what libcurl reports.

local simulator = require("spec.support.simulator_client")
local talk = require("spec.support.client")

local COULDNT_CONNECT, PARTIAL, RECEIVE, EMPTY, HTTP09 = 7, 18, 56, 52, 1

-- The step, the options, and what the error must be; `cause` is libcurl's code.
local cases = {
  { "a reset before the answer", { raw = "", ending = "reset" }, {},
    { kind = "connection", reason = "reset", phase = "headers", cause = RECEIVE } },
  { "an end before the answer", { raw = "" }, {},
    { kind = "connection", reason = "reset", phase = "headers", cause = EMPTY } },
  { "an end inside the headers", { cut_head = 10 }, {},
    { kind = "connection", reason = "reset", phase = "headers", status = 200 } },
  { "a body cut short", { cut = 10 }, {},
    { kind = "connection", reason = "reset", phase = "body", status = 200, cause = PARTIAL } },
  { "a whole JSON in a body cut short", { body = talk.completion('"Hi"'), content_length = 1000,
    ending = "close" }, {},
    { kind = "connection", reason = "reset", phase = "body", status = 200, cause = PARTIAL } },
  { "another protocol", { raw = "SSH-2.0-OpenSSH_9.2\r\n" }, {},
    { kind = "connection", reason = "protocol", phase = "headers", cause = HTTP09 } },
  { "no answer in time", { delay = 1 }, { first_byte_timeout = 0.03 },
    { kind = "timeout", reason = "first_byte", phase = "headers",
      message = "no response within 0.03 s of the request" } },
  { "a stall in the body", { cut = 10, ending = "stall" }, { idle_timeout = 0.03 },
    { kind = "timeout", reason = "idle", phase = "body", status = 200,
      message = "the response stopped for 0.03 s" } },
  { "an attempt too long", { delay = 1 }, { attempt_timeout = 0.03 },
    { kind = "timeout", reason = "attempt",
      message = "the attempt took longer than 0.03 s" } },
  { "a call too long", { delay = 1 }, { deadline = 0.03 },
    { kind = "timeout", reason = "deadline",
      message = "the deadline of 0.03 s has passed" } },
  { "a body too large", {}, { max_response_bytes = 100 },
    { kind = "response_too_large", phase = "body", status = 200 } },
  { "headers too large", { header_bytes = 5000 }, { max_header_bytes = 2000 },
    { kind = "response_too_large", reason = "headers", phase = "headers", status = 200 } },
}

local function check(err, expected)
  for name, value in pairs(expected) do
    if name == "cause" then
      assert.are.equal(value, err.cause.code)
      assert.are.equal(err.message, err.cause.message)
    else
      assert.are.equal(value, err[name], name)
    end
  end
  assert.are.equal("string", type(err.message))
  assert.is_true(#err.message > 0)
  local from_transport = err.kind == "connection" or err.kind == "timeout"
  assert.are.equal(from_transport, err:is("connection"))
end

describe("a transport error", function()
  for _, case in ipairs(cases) do
    it("tells of " .. case[1], function()
      local err = talk.fails(case[2], case[3])
      check(err, case[4])
      assert.are.equal(case[4].status, err.status)
    end)
  end

  it("tells of a refused connection", function()
    local reply, err = talk.client({ base_url = simulator.refused() }):chat(talk.request())
    assert.is_nil(reply)
    check(err, { kind = "connection", reason = "connect", phase = "connect",
      cause = COULDNT_CONNECT })
    assert.is_nil(err.headers)
  end)

  it("tells of a connection that takes too long", function()
    local url, close = simulator.deaf()
    local _, err = talk.client({ base_url = url, connect_timeout = 0.03 }):chat(talk.request())
    close()
    check(err, { kind = "timeout", reason = "connect", phase = "connect",
      message = "no connection within 0.03 s" })
  end)

  it("tells of a name that nobody knows", function()
    local _, err = talk.client({ base_url = "http://novita.invalid/v1" }):chat(talk.request())
    check(err, { kind = "connection", reason = "dns", phase = "connect" })
  end)

  it("is one line with reason, status and request id", function()
    local err = talk.fails({ cut = 10, ending = "stall" }, { idle_timeout = 0.03 })
    assert.are.equal("timeout idle 200: the response stopped for 0.03 s (request "
      .. err.request_id .. ")", tostring(err))
  end)
end)
