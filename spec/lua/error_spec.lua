-- The error value: its one line, and the target of a redirect.

local core = require("novita.core")

local talk = require("spec.support.client")

local TRACE = "374755e617bfb55305d9c970f697082c"
local MESSAGE = '{"message":"m trace_id: ' .. TRACE .. '"}'

describe("tostring of an error", function()
  local function line(step) return tostring(talk.fails(step)) end
  local id = " (request " .. ("0"):rep(31) .. "1)"

  it("is kind, reason, status, message and request id", function()
    assert.are.equal("permission NOT_ENOUGH_BALANCE 403: not enough balance" .. id,
      line { status = 403, reason = "NOT_ENOUGH_BALANCE" })
    assert.are.equal("rate_limit 429: m" .. id, line { status = 429, body = MESSAGE })
  end)

  it("says the status once", function()
    assert.are.equal("server 502: 502 Bad Gateway" .. id,
      line { status = 502, body = "<title>502 Bad Gateway</title>" })
    assert.are.equal("server 500" .. id, line { status = 500, body = "" })
  end)

  it("is one line without control characters, and not endless", function()
    local text = line { status = 500,
      body = [[{"message":"one\ntwo\r\n\u0000three\u001b[31m\u007f","reason":"a\tb"}]] }
    assert.are.equal("server a b 500: one two three [31m" .. id, text)
    text = line { status = 500, body = '{"message":"' .. ("\195\164"):rep(100000) .. '"}' }
    assert.is_true(#text < 2000)
    assert.are.equal("...", text:match("%.%.%."))
    assert.is_nil(text:find("\239\191\189", 1, true))
  end)

  it("makes do with what there is", function()
    assert.are.equal("config", tostring(core.error { kind = "config" }))
    local err = core.error { kind = "x", message = "m" }
    assert.are.equal("failed: x: m, 2", "failed: " .. err .. ", " .. 2)
    assert.are.equal("x: m" .. "x: m", err .. err)
    assert.has_error(function() return err .. nil end, "attempt to concatenate a nil value")
    assert.are.equal("x: m", tostring(core.error { kind = "x", message = "m", request_id = "" }))
    assert.is_false(pcall(core.error, {}))
    assert.is_false(pcall(core.error, "text"))
  end)
end)

describe("a redirect is refused", function()
  local cases = {
    { "https://evil.example:8443/path?key=1#x", "evil.example:8443" },
    { "http://user:pass@other.example/path", "other.example" },
    { "http://other.example?key=1", "other.example" },
    { "//evil.example/path", "evil.example" },
    { "/v2/chat?key=1", nil },
    { "", nil },
  }
  for _, case in ipairs(cases) do
    it("to " .. case[1], function()
      local err = talk.fails { status = 308, headers = { Location = case[1] }, body = "" }
      assert.are.equal("redirect", err.kind)
      assert.are.equal(308, err.status)
      assert.are.equal(case[2], err.host)
      assert.are.equal("HTTP 308: a redirect" .. (case[2] and " to " .. case[2] or "")
        .. ", which is not followed", err.message)
      assert.are.equal(1, #talk.sim:journal())
    end)
  end
end)
