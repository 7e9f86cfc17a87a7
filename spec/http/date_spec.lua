local core = require("novita.core")

local NOW = 1780000000 -- 28 May 2026

describe("core.http_date", function()
  local read = {
    { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
    { "Sun Nov  6 08:49:37 1994", 784111777 },
    { "Wed Nov 16 08:49:37 1994", 784975777 },
    { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
    { "Tue, 29 Feb 2000 12:00:00 GMT", 951825600 },
    { "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
    { "Fri, 01 Mar 2024 00:00:00 GMT", 1709251200 },
    { "Mon, 01 Mar 2100 00:00:00 GMT", 4107542400 },
    { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 }, -- a leap second
    { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
    -- two digits: more than fifty years ahead is the past century
    { "Wednesday, 01-Jan-76 00:00:00 GMT", 3345062400 },
    { "Friday, 31-Dec-76 00:00:00 GMT", 220838400 },
    { "Tuesday, 01-Jan-80 00:00:00 GMT", 315532800 },
    { "Tuesday, 29-Feb-00 00:00:00 GMT", 951782400 },
    { "Friday, 29-May-26 00:00:00 GMT", 1780012800 },
  }
  for _, case in ipairs(read) do
    it("reads " .. case[1], function()
      assert.are.equal(case[2], core.http_date(case[1], NOW))
    end)
  end

  it("takes two digits for the century that is near", function()
    local december_2099 = 4100000000
    assert.are.equal(4102444800 + 59 * 86400,
      core.http_date("Monday, 01-Mar-00 00:00:00 GMT", december_2099))
  end)

  local refused = {
    "", "0", "soon", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37",
    "06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0100",
    "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
    "Wed, 29 Feb 2023 00:00:00 GMT", "Mon, 29 Feb 2100 00:00:00 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun Nov 06 08:49:37 1994 GMT", "Sun Nov   6 08:49:37 1994", "Sunday, 06-Nov-1994 08:49:37 GMT",
  }
  for _, text in ipairs(refused) do
    it("refuses '" .. text .. "'", function()
      assert.is_nil(core.http_date(text, NOW))
    end)
  end

  it("refuses what is not a string", function()
    assert.is_nil(core.http_date(nil, NOW))
    assert.is_nil(core.http_date(5, NOW))
  end)

  it("agrees with os.date over two centuries", function()
    for time = 0, 6e9, 12345678 do
      local text = os.date("!%a, %d %b %Y %H:%M:%S GMT", time)
      assert.are.equal(time, core.http_date(text, NOW))
      assert.are.equal(time, core.http_date(os.date("!%a %b ", time)
        .. ("%2d"):format(tonumber(os.date("!%d", time))) .. os.date("! %H:%M:%S %Y", time), NOW))
    end
  end)
end)
