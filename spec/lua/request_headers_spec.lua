-- The headers of a request: ours, and those of the options headers and user_agent.

local talk = require("spec.support.client")

-- The headers of the request that is sent with these options, by lower-case name.
local function headers_with(options)
  local _, entry = talk.sends(nil, options)
  return entry.header, entry
end

describe("headers", function()
  it("are added, texts and numbers, also empty ones", function()
    local header = headers_with { headers = { ["X-A"] = "b c", ["X-N"] = 12, ["X-E"] = "",
      ["X-F"] = 9007199254740990.0, ["X-U"] = "\195\164" } }
    assert.are.equal("b c", header["x-a"])
    assert.are.equal("12", header["x-n"])
    assert.are.equal("9007199254740990", header["x-f"])
    assert.are.equal("", header["x-e"])
    assert.are.equal("\195\164", header["x-u"])
    assert.are.equal("Bearer " .. talk.KEY, header.authorization)
  end)

  it("have the key of their call, which alternates between clients", function()
    local keys = { talk.KEY, talk.KEY:sub(1, -2) .. "x", talk.KEY .. "x", "x", "X" }
    for round = 1, 3 * #keys do
      local key = keys[round * 2 % #keys + 1]
      for _ = 1, round % 3 + 1 do
        assert.are.equal("Bearer " .. key, headers_with { api_key = key }.authorization)
      end
      assert.is_nil(headers_with { api_key = false }.authorization)
    end
  end)

  it("take the place of ours, in any case", function()
    local _, entry = headers_with { headers = { ["user-AGENT"] = "me", ["content-TYPE"] = "x/y",
      AUTHORIZATION = "Basic abc", host = "other" } }
    local count = {}
    for _, field in ipairs(entry.headers) do
      count[field[1]:lower()] = (count[field[1]:lower()] or 0) + 1
    end
    for name, value in pairs { ["user-agent"] = "me", ["content-type"] = "x/y",
      authorization = "Basic abc", host = "other" } do
      assert.are.equal(value, entry.header[name])
      assert.are.equal(1, count[name])
    end
  end)

  it("of false leave ours out, and libcurl's", function()
    local header = headers_with { headers = { authorization = false, ["user-agent"] = false,
      ["content-type"] = false, accept = false, ["x-none"] = false } }
    for _, name in ipairs { "authorization", "user-agent", "content-type", "accept", "x-none" } do
      assert.is_nil(header[name])
    end
  end)

  it("with a key of another kind need no api_key", function()
    for _, name in ipairs { "api-key", "X-Api-Key" } do
      local header = headers_with { headers = { [name] = "other" } }
      assert.are.equal("other", header[name:lower()])
      assert.is_nil(header.authorization)
    end
  end)

  local bad = {
    { { ["X-A"] = "a\r\nX-B: s3cret" }, 'headers["X-A"]: the value has a control character in it' },
    { { ["X-A"] = "a\0s3cret" }, 'headers["X-A"]: the value has a control character in it' },
    { { ["X-A"] = "s3cret\n" }, 'headers["X-A"]: the value has a control character in it' },
    { { ["X-A"] = {} }, 'headers["X-A"]: the value is not a string' },
    { { ["X-A"] = true }, 'headers["X-A"]: the value is not a string' },
    { { ["X A"] = "b" }, 'headers: "X..." is not the name of a header' },
    { { ["X-A: s3cret"] = "b" }, 'headers: "X-A..." is not the name of a header' },
    { { ["X\r\nY"] = "b" }, 'headers: "X..." is not the name of a header' },
    { { ["X\0"] = "b" }, 'headers: "X..." is not the name of a header' },
    { { ["\195\164"] = "b" }, 'headers: "..." is not the name of a header' },
    { { [""] = "b" }, 'headers: "" is not the name of a header' },
    { { "X-A: s3cret" }, "headers: 1 is not the name of a header" },
    { { ["Content-Length"] = "1" }, 'headers["Content-Length"]: can\'t be set' },
    { { ["transfer-encoding"] = "chunked" },
      'headers["transfer-encoding"]: can\'t be set' },
    { "X-A: s3cret", "headers: the value is not a table of names and values" },
  }
  for index, case in ipairs(bad) do
    it("can't inject anything, way " .. index, function()
      assert.are.equal(case[2], talk.refuses_options({ headers = case[1] }).message)
    end)
  end
end)

describe("user_agent", function()
  it("is sent in place of ours", function()
    assert.are.equal("my program/1", headers_with({ user_agent = "my program/1" })["user-agent"])
  end)

  it("is a text on one line", function()
    local bad = { ["a\nb"] = '"a\\10b" has a control', [12] = "12 is not a string" }
    for value, shown in pairs(bad) do
      assert.is_truthy(talk.refuses_options({ user_agent = value }).message:find(shown, 1, true))
    end
  end)
end)
