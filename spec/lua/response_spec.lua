-- The info of a response: its request id.

local talk = require("spec.support.client")

local TRACE = "374755e617bfb55305d9c970f697082c"
local MESSAGE = '{"message":"m trace_id: ' .. TRACE .. '"}'

describe("the request id", function()
  local cases = {
    { "x-request-id", { { "X-Request-Id", "r-1" }, { "request-id", "r-2" } }, "r-1" },
    { "request-id", { { "Request-ID", "r-2" }, { "x-generation-id", "r-3" } }, "r-2" },
    { "x-generation-id", { { "x-generation-id", "r-3" } }, "r-3" },
    { "one that is not empty", { { "x-request-id", "" }, { "request-id", "r-2" } }, "r-2" },
    { "the trace id, where there is no other", {}, TRACE },
  }
  for _, case in ipairs(cases) do
    it("is " .. case[1], function()
      local step = { status = 500, headers_only = true, headers = case[2], body = MESSAGE }
      table.insert(step.headers, { "Content-Length", tostring(#MESSAGE) })
      local err = talk.fails(step)
      assert.are.equal(case[3], err.request_id)
      assert.are.equal(TRACE, err.trace_id)
      assert.are.equal("m", err.message)
    end)
  end

  it("is the final response's, not that of an interim one", function()
    local err = talk.fails { status = 500, body = "{}", headers = { ["x-request-id"] = "final" },
      interim = { "HTTP/1.1 103 Early Hints\r\nx-request-id: early\r\n\r\n" } }
    assert.are.equal("final", err.request_id)
    assert.is_nil(tostring(err):find("early", 1, true))
  end)

  it("is not read out of the middle of a message", function()
    local text = "trace_id: " .. TRACE .. " was not found"
    local err = talk.fails { status = 400, body = '{"message":"' .. text .. '"}' }
    assert.are.equal(text, err.message)
    assert.is_nil(err.trace_id)
    err = talk.fails { status = 500, body = '{"message":"trace_id: ' .. TRACE .. '"}' }
    assert.are.equal("trace_id: " .. TRACE, err.message)
    assert.are.equal(TRACE, err.trace_id)
  end)
end)
