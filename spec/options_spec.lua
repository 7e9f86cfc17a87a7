-- The options of a call: what each may be, and what it does on the wire.

local novita = require("novita")

local child = require("spec.support.child")
local talk = require("spec.support.talk")

local NAN = 0 / 0

-- The headers of the request that is sent with these options, by lower-case name.
local function headers_with(options)
  local _, entry = talk.sends(nil, options)
  return entry.header, entry
end

local function refused(options)
  local err = talk.refuses(nil, options)
  assert.are.equal("config", err.kind)
  assert.is_nil(err.message:find("%c"))
  return err
end

describe("base_url", function()
  local host = talk.sim.url:match("^http://([^/]+)")
  local good = {
    ["/openai/v1"] = "/openai/v1", ["/openai/v1/"] = "/openai/v1", ["/openai/v1///"] = "/openai/v1",
    ["/openai"] = "/openai", ["/v3/openai"] = "/v3/openai", [""] = "", ["/"] = "",
    ["/a@b:c"] = "/a@b:c",
  }
  for path, sent in pairs(good) do
    it("may have the path " .. path, function()
      local _, entry = talk.sends(nil, { base_url = "http://" .. host .. path })
      assert.are.equal(sent .. "/chat/completions", entry.path)
    end)
  end

  it("may have its scheme in capitals", function()
    talk.sends(nil, { base_url = "HTTP://" .. host .. "/openai/v1" })
  end)

  local SCHEME, FORM = "is not an http:// or https:// URL", "is not the URL of a host and a path"
  local USER, CONTROL = "has a user name or password in it", "has a control character in it"
  local bad = {
    { "ftp://x/v1", '"ftp://x/v1" ' .. SCHEME }, { "file:///etc/passwd", SCHEME },
    { "javascript:alert(1)", SCHEME }, { "", '"" ' .. SCHEME }, { "host/v1", SCHEME },
    { "//host/v1", SCHEME }, { "http:/host", SCHEME }, { " http://host/v1", SCHEME },
    { "http://", FORM }, { "http:///v1", FORM }, { "http://a b/v1", FORM },
    { "http://host/a b", FORM }, { "http://host\\v1", FORM }, { "http://host/v1#x", FORM },
    { "http://host/v1?key=s3cret", "the value " .. FORM },
    { "https://user:s3cret@host/v1", "the value " .. USER }, { "http://s3cret@host", USER },
    { "http://a@b:s3cret@host", USER },
    { "http://host/a\r\nX: y", CONTROL }, { "http://host/\0", CONTROL },
    { "http://host\n", CONTROL },
    { "http://host:99999/v1", '"http://host:99999/v1" is not a URL' },
    { "http://host:x/v1", "is not a URL" }, { "http://[::1/v1", "is not a URL" },
    { 12, "12 is not a string" }, { false, "false is not a string" }, { {}, "a table is not" },
  }
  for _, case in ipairs(bad) do
    it(("can't be %q"):format(tostring(case[1])), function()
      local err = refused { base_url = case[1] }
      assert.are.equal("base_url", err.param)
      assert.is_truthy(err.message:find(case[2], 1, true), err.message)
      assert.is_nil(err.message:find("s3cret", 1, true))
    end)
  end
end)

describe("api_key", function()
  local bad = {
    { "", "is empty" }, { " ", "has a blank in it" }, { "sk s3cret", "has a blank in it" },
    { "Bearer s3cret", "has a blank in it" }, { "s3cret\n", "has a control character in it" },
    { "s3cret\r\nX-Admin: 1", "has a control character in it" },
    { "s3cret\0x", "has a control character in it" },
    { "s3cret\226\128\139", "has a character in it that is not ASCII" },
    { "s3cret\255", "has a character in it that is not ASCII" },
    { 12345678, "is not a string" }, { true, "is not a string" },
    { { "s3cret" }, "is not a string" },
  }
  for _, case in ipairs(bad) do
    it(("can't be %q, and is not shown"):format(tostring(case[1])), function()
      local err = refused { api_key = case[1] }
      assert.are.equal("api_key", err.param)
      assert.are.equal("api_key: the value " .. case[2], err.message)
    end)
  end

  it("of false sends none", function()
    assert.is_nil(headers_with({ api_key = false }).authorization)
  end)

  it("is missing without a word of the environment", function()
    local output = child.run([[
      local reply, err = require("novita").chat { model = "m", message = "Hi" }
      print(reply, err.param, err)
    ]])
    assert.is_truthy(output:find("^nil\tapi_key\tconfig: api_key: is missing: .*NOVITA_API_KEY"))
  end)
end)

describe("times and sizes", function()
  local times = { "connect_timeout", "first_byte_timeout", "idle_timeout", "attempt_timeout",
    "deadline" }
  for _, name in ipairs(times) do
    it(name .. " is seconds above 0, or false", function()
      for _, value in ipairs { 0, -1, "5", true, {}, NAN } do
        local err = refused { [name] = value }
        assert.are.equal(name, err.param)
        assert.is_truthy(err.message:find(" is not a time in seconds above 0, or false", 1, true))
      end
      for _, value in ipairs { 5, 0.5, 1e300, math.huge, false } do
        talk.sends(nil, { [name] = value })
      end
    end)
  end

  for _, name in ipairs { "max_response_bytes", "max_header_bytes", "max_event_bytes" } do
    it(name .. " is a whole number from 1", function()
      for _, value in ipairs { 0, -1, "5", true, {}, NAN, 1.5, math.huge, 1e300 } do
        local err = refused { [name] = value }
        assert.are.equal(name, err.param)
        assert.is_truthy(err.message:find(" is not a number of bytes of at least 1", 1, true))
      end
      talk.sends(nil, { [name] = 1000000 })
    end)
  end

  it("show what was given", function()
    assert.are.equal("deadline: NaN is not a time in seconds above 0, or false",
      refused({ deadline = NAN }).message)
    assert.are.equal('idle_timeout: "5\\10" is not a time in seconds above 0, or false',
      refused({ idle_timeout = "5\n" }).message)
  end)
end)

describe("headers", function()
  it("are added, texts and numbers, also empty ones", function()
    local header = headers_with { headers = { ["X-A"] = "b c", ["X-N"] = 12, ["X-E"] = "",
      ["X-U"] = "\195\164" } }
    assert.are.equal("b c", header["x-a"])
    assert.are.equal("12", header["x-n"])
    assert.are.equal("", header["x-e"])
    assert.are.equal("\195\164", header["x-u"])
    assert.are.equal("Bearer " .. talk.KEY, header.authorization)
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
    { { ["Content-Length"] = "1" }, 'headers["Content-Length"]: is not for the caller to set' },
    { { ["transfer-encoding"] = "chunked" },
      'headers["transfer-encoding"]: is not for the caller to set' },
    { "X-A: s3cret", "headers: the value is not a table of names and values" },
  }
  for index, case in ipairs(bad) do
    it("can't inject anything, way " .. index, function()
      assert.are.equal(case[2], refused({ headers = case[1] }).message)
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
      assert.is_truthy(refused({ user_agent = value }).message:find(shown, 1, true))
    end
  end)
end)

describe("ca_file", function()
  it("must be there", function()
    for value, shown in pairs { ["/nonexistent/ca.pem"] = '"/nonexistent/ca.pem" is not a readable',
      [""] = '"" is not a readable file', [12] = "12 is not a string" } do
      local err = refused { ca_file = value }
      assert.are.equal("ca_file", err.param)
      assert.is_truthy(err.message:find(shown, 1, true), err.message)
    end
  end)
end)

describe("an option", function()
  it("that does not exist is a mistake that raises, where it was made", function()
    local client = talk.client()
    local calls = {
      function(options) local reply = client:chat(talk.request(), options) return reply end,
      function(options) local list = client:models(options) return list end,
    }
    for _, call in ipairs(calls) do
      for name, shown in pairs { temprature = "temprature", [1] = "1" } do
        local ok, err = pcall(call, { [name] = 1 })
        assert.is_false(ok)
        assert.is_truthy(err:find("options_spec.lua:%d+: unknown option '" .. shown .. "'"), err)
      end
      local ok, err = pcall(call, 5)
      assert.is_false(ok)
      assert.is_truthy(err:find("options_spec.lua:%d+: options: table expected, got number"), err)
    end
  end)

  it("that does not exist raises in the plain functions too", function()
    local function chat(options) novita.chat(talk.request(), options) end
    for _, call in ipairs { novita.new, chat } do
      local ok, err = pcall(call, { temprature = 1 })
      assert.is_false(ok)
      assert.is_truthy(err:find("unknown option 'temprature'", 1, true))
    end
  end)
end)
