-- The delay that a server requests, from headers and from errors.

local errors = require("spec.support.errors")
local retry = require("novita.retry")

local WALL = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT

local fail, status = errors.fail, errors.status

describe("retry.after", function()
  local DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
  local cases = {
    { nil, {} },
    { 5, { ["retry-after"] = "5" } },
    { 0, { ["retry-after"] = "0" } },
    { 7, { ["retry-after"] = "007" } },
    { 1.5, { ["retry-after"] = "1.5" } },
    { 0.25, { ["retry-after"] = "0.25" } },
    { 2147483648, { ["retry-after"] = ("9"):rep(400) } },
    { 1.5, { ["retry-after-ms"] = "1500" } },
    { 0.0005, { ["retry-after-ms"] = "0.5" } },
    { 1.5, { ["retry-after-ms"] = "1500", ["retry-after"] = "60" } },
    { 0, { ["retry-after-ms"] = "0", ["retry-after"] = "60" } },
    { 60, { ["retry-after-ms"] = "soon", ["retry-after"] = "60" } },
    { 60, { ["retry-after-ms"] = "-1", ["retry-after"] = "60" } },
    { 63, { ["retry-after"] = "Sun, 06 Nov 1994 08:50:40 GMT" } },
    { 63, { ["retry-after"] = "Sunday, 06-Nov-94 08:50:40 GMT" } },
    { 63, { ["retry-after"] = "Sun Nov  6 08:50:40 1994" } },
    { nil, { ["retry-after"] = DATE } }, -- no time to wait for
    { nil, { ["retry-after"] = "Sun, 06 Nov 1994 08:00:00 GMT" } },
    { nil, { ["retry-after"] = "Sun, 31 Nov 1994 08:00:00 GMT" } },
    -- the server's clock is an hour ahead: its own Date counts
    { 30, { ["retry-after"] = "Sun, 06 Nov 1994 09:50:07 GMT",
      date = "Sun, 06 Nov 1994 09:49:37 GMT" } },
    { 30, { ["retry-after"] = "Sun, 06 Nov 1994 08:50:07 GMT", date = "yesterday" } },
    { 5, { ["retry-after"] = "5", date = "Sun, 06 Nov 1994 09:49:37 GMT" } },
    -- a header that came several times: the longest
    { 10, { ["retry-after"] = "5, 10" } },
    { 10, { ["retry-after"] = "10, 5, 0" } },
    { 5, { ["retry-after"] = "soon, 5" } },
    { 63, { ["retry-after"] = "5, Sun, 06 Nov 1994 08:50:40 GMT, 7" } },
    { 63, { ["retry-after"] = "Sun, 06 Nov 1994 08:50:00 GMT, Sun, 06 Nov 1994 08:50:40 GMT" } },
    { 70, { ["retry-after"] = "Sunday, 06-Nov-94 08:50:40 GMT, Sun Nov  6 08:50:47 1994" } },
    { 5, { ["retry-after"] = "Sun, 06 Nov 1994 08:00:00 GMT, 5" } },
    { 2, { ["retry-after-ms"] = "1500, 2000", ["retry-after"] = "60" } },
  }
  for _, text in ipairs { "", "-5", "+5", "5s", "5.", ".5", "1,5", "0x10", "1e3", "inf",
      "nan", "infinity", "NaN", "5\0", "null", "\217\161" } do
    cases[#cases + 1] = { nil, { ["retry-after"] = text } }
  end
  for i, case in ipairs(cases) do
    it("case " .. i .. ": " .. tostring(case[2]["retry-after"]), function()
      assert.are.equal(case[1], retry.after(case[2], WALL))
    end)
  end

  it("takes no headers for no header", function()
    assert.is_nil(retry.after(nil, WALL))
  end)
end)

describe("retry.server_delay", function()
  local AFTER = { ["retry-after"] = "9" }

  it("goes by what is known already, then by the headers", function()
    assert.are.equal(9, retry.server_delay(status(503, AFTER), WALL))
    local err = { status = 503, retry_after = 7, headers = AFTER }
    assert.are.equal(7, retry.server_delay(err, WALL))
    err.retry_after = "7"
    assert.are.equal(9, retry.server_delay(err, WALL))
  end)

  it("takes nothing from an answer that broke off, or from what is no error of HTTP", function()
    assert.is_nil(retry.server_delay(fail("connection", { status = 200, headers = AFTER }), WALL))
    assert.is_nil(retry.server_delay(fail("timeout", { status = 200, headers = AFTER }), WALL))
    assert.is_nil(retry.server_delay("it broke", WALL))
  end)
end)
