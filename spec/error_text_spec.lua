-- What an error tells of a response: its ids, its one line, where a redirect went; and what it
-- must never tell: a key.

local core = require("novita.core")

local talk = require("spec.support.talk")

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
    local err = talk.fails { status = 404, body = '{"message":"' .. text .. '"}' }
    assert.are.equal(text, err.message)
    assert.is_nil(err.trace_id)
    err = talk.fails { status = 500, body = '{"message":"trace_id: ' .. TRACE .. '"}' }
    assert.are.equal("trace_id: " .. TRACE, err.message)
    assert.are.equal(TRACE, err.trace_id)
  end)
end)

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

-- Everything that an error shows, as one text.
local function shown(value, seen)
  if type(value) ~= "table" then return tostring(value) end
  if seen[value] then return "" end
  seen[value] = true
  local parts = { tostring(value) }
  for name, item in pairs(value) do
    parts[#parts + 1] = shown(name, seen) .. "=" .. shown(item, seen)
  end
  return table.concat(parts, "\n")
end

describe("a server that repeats the key", function()
  local KEY = "sk_spec/s3cret+Key=="
  local ESCAPED = KEY:gsub("/", "\\/"):gsub("s3", "\\u0073\\u0033")
  local answers = {
    { "in a message", { status = 401, body = '{"message":"' .. KEY .. ' is wrong"}' } },
    { "escaped", { status = 401, body = '{"message":"' .. ESCAPED .. ' is wrong"}' } },
    { "in every member", { status = 400, body = ('{"message":"m","type":"K","code":"K",'
      .. '"param":"K","reason":"K","metadata":{"trace_id":"K"}}'):gsub("K", ESCAPED) } },
    { "in a header", { status = 500, headers = { ["X-Echo"] = "Bearer " .. KEY } } },
    { "as request id", { status = 500, headers = { ["x-request-id"] = KEY } } },
    { "in HTML", { status = 502, body = "<title>" .. KEY .. "</title>" } },
    { "in a text", { status = 500, body = "you sent Authorization: Bearer " .. KEY } },
    { "compressed", { status = 500, gzip = true, body = KEY:rep(3, " ") } },
    { "in a redirect", { redirect = "http://" .. KEY .. "@x.example/?key=" .. KEY } },
    { "under a 200", { body = '{"error":{"message":"' .. ESCAPED .. '"}}' } },
    { "in a useless 200", { body = KEY, content_type = "text/" .. KEY } },
    { "in a body cut short", { headers = { ["X-Echo"] = KEY }, cut = 5 } },
    { "in a stream", { events = { '{"error":{"message":"' .. ESCAPED .. '"}}' } }, true },
    { "in an event that is no JSON", { events = { KEY } }, true },
  }
  local senders = {
    { "as api_key", { api_key = KEY } },
    { "as api-key", { headers = { ["api-key"] = KEY } } },
    { "as X-Goog-Api-Key", { headers = { ["X-Goog-Api-Key"] = KEY } } },
    { "as a token", { headers = { ["x-auth-token"] = KEY } } },
    { "in a scheme of its own", { headers = { Authorization = "Basic " .. KEY } } },
  }
  for _, answer in ipairs(answers) do
    for _, sender in ipairs(senders) do
      it(answer[1] .. ", sent " .. sender[1] .. ", does not get it into the error", function()
        talk.sim:reset()
        talk.sim:script { answer[2] }
        local request = talk.request { stream = answer[3] }
        local reply, err = talk.client(sender[2]):chat(request)
        assert.is_nil(reply)
        assert.is_nil(shown(err, {}):find("s3cret", 1, true))
        assert.is_truthy(talk.sim:journal()[1].header, "nothing was sent")
      end)
    end
  end
end)
