-- What the server says went wrong, in every shape in which servers say it.

local core = require("novita.core")

local talk = require("spec.support.client")

local TRACE = "374755e617bfb55305d9c970f697082c"
local RAW = [[failed to decode error response: json: cannot unmarshal number into Go struct field ]]
  .. [[ResponseError.error.code of type string, raw: ]]

-- The name, the answer, and the members that the error must have; `false` means none.
local envelopes = {
  { "Novita's own for a key", { status = 401, body =
    '{"code":401,"reason":"FAILED_TO_AUTH","message":"failed to authenticate","metadata":{}}' },
    { kind = "authentication", message = "failed to authenticate", code = 401,
      reason = "FAILED_TO_AUTH", type = false, param = false } },
  { "Novita's own for money", { status = 403, body =
    '{"code":403,"reason":"NOT_ENOUGH_BALANCE","message":"not enough balance","metadata":{}}' },
    { kind = "permission", reason = "NOT_ENOUGH_BALANCE", message = "not enough balance" } },
  { "Novita's own without metadata, spaced", { status = 400, body =
    '{"code":400, "reason":"INVALID_REQUEST_BODY", "message":"not an chat model"}' },
    { kind = "bad_request", reason = "INVALID_REQUEST_BODY", message = "not an chat model" } },
  { "Novita's own with a trace in metadata", { status = 503, body =
    '{"code":503,"reason":"SERVICE_NOT_AVAILABLE","message":"m","metadata":{"trace_id":"t-1"}}' },
    { kind = "server", reason = "SERVICE_NOT_AVAILABLE", trace_id = "t-1" } },
  { "the relay's, a newline behind it", { status = 429, body =
    '{"message":"server overload, please try again later trace_id: ' .. TRACE
    .. '","type":"server_overload"}\n' },
    { kind = "rate_limit", message = "server overload, please try again later",
      type = "server_overload", reason = false, code = false, trace_id = TRACE } },
  { "the relay's, with the code 500 under a 400", { status = 400, body =
    '{"code":"500","message":"{code=400, message=The input is longer., param=null} trace_id: '
    .. TRACE .. '","type":"invalid_request_error"}' },
    { kind = "bad_request", status = 400, code = "500", trace_id = TRACE,
      message = "{code=400, message=The input is longer., param=null}" } },
  { "the relay's, with an empty code", { status = 400, body = '{"code":"","message":"m"}' },
    { code = false, message = "m" } },
  { "OpenAI's", { status = 400, body =
    '{"error":{"message":"no","type":"invalid_request_error","code":"bad_x","param":"x"}}' },
    { message = "no", type = "invalid_request_error", code = "bad_x", param = "x" } },
  { "OpenAI's with nulls", { status = 400, body =
    '{"error":{"message":"no","type":null,"code":null,"param":null}}' },
    { message = "no", type = false, code = false, param = false } },
  { "OpenAI's around an upstream error", { status = 400, body =
    '{"error":{"code":0,"type":"invalid_request_error","message":"' .. RAW
    .. [[{\"error\":{\"code\":429,\"message\":\"Rate limit exceeded.\"}} trace_id: ]] .. TRACE
    .. '"}}' },
    { kind = "bad_request", message = "Rate limit exceeded.", code = 429, trace_id = TRACE } },
  { "the relay's around an upstream error", { status = 400, body = '{"message":"' .. RAW
    .. [[{\"message\":\"Too long trace_id: ]] .. TRACE .. [[\",\"code\":\"7\"}]] .. '"}' },
    { message = "Too long", code = "7", trace_id = TRACE } },
  { "one around something that is no JSON", { status = 400, body = '{"message":"' .. RAW
    .. 'gone"}' }, { message = RAW .. "gone" } },
  { "Ollama's", { status = 500, body = '{"error":"model not loaded"}' },
    { kind = "server", message = "model not loaded" } },
  { "vLLM's", { status = 400, body = '{"object":"error","message":"too long",'
    .. '"type":"BadRequestError","param":null,"code":400}' },
    { message = "too long", type = "BadRequestError", code = 400 } },
  { "FastAPI's with a text", { status = 404, body = '{"detail":"Not Found"}' },
    { kind = "not_found", message = "Not Found" } },
  { "FastAPI's with a list", { status = 422, body =
    '{"detail":[{"loc":["body","model"],"msg":"field required","type":"missing"}]}' },
    { kind = "unprocessable", message = "field required", param = "model", type = "missing" } },
  { "FastAPI's with an object", { status = 400, body =
    '{"detail":{"message":"no","code":"c","error":null}}' }, { message = "no", code = "c" } },
  { "Gemini's", { status = 400, body = '[{"error":{"code":400,"message":"API key not valid"}}]' },
    { message = "API key not valid", code = 400 } },
  { "a gateway's", { status = 413, body = '{"message":"Request Too Long"}' },
    { kind = "request_too_large", message = "Request Too Long" } },
  { "a message with blanks around it", { status = 400, body = '{"message":" must be 1 \\n"}' },
    { message = "must be 1" } },

  { "a text", { status = 404, body = "404 page not found\n" },
    { kind = "not_found", message = "HTTP 404: 404 page not found" } },
  { "Cloudflare's", { status = 403, body = "error code: 1010" },
    { kind = "permission", message = "HTTP 403: error code: 1010" } },
  { "nothing", { status = 413, body = "" }, { message = "HTTP 413", body = false } },
  { "HTML", { status = 502, content_type = "text/html",
    body = "<html><head><title>502 Bad Gateway</title></head><body>...</body></html>" },
    { kind = "server", message = "HTTP 502: 502 Bad Gateway" } },
  { "HTML in another hand", { status = 504,
    body = "\r\n<!DOCTYPE html>\n<HTML><TITLE lang=en>504\n  Gateway   Time-out </TITLE>" },
    { message = "HTTP 504: 504 Gateway Time-out" } },
  { "HTML without a title", { status = 502, body = "<html><body>Sorry</body></html>" },
    { message = "HTTP 502" } },
  { "JSON cut short", { status = 500, body = '{"error":{"message":"cut sh' },
    { kind = "server", message = 'HTTP 500: {"error":{"message":"cut sh' } },
  { "JSON that says nothing", { status = 500, body = '{"error":{"message":null}}' },
    { message = 'HTTP 500: {"error":{"message":null}}' } },
  { "an empty list", { status = 400, body = "[]" }, { message = "HTTP 400: []" } },
  { "a text in JSON", { status = 400, body = '"no"' }, { message = "no" } },
  { "bytes that are no UTF-8", { status = 500, body = "bad \255 bytes" },
    { message = "HTTP 500: bad \239\191\189 bytes" } },
  { "JSON that is no UTF-8", { status = 500, body = '{"message":"bad \255"}' },
    { message = "bad \239\191\189" } },
  { "gzip", { status = 503, gzip = true, body = '{"reason":"R","message":"gone"}' },
    { kind = "server", reason = "R", message = "gone" } },
}

local function check(err, members)
  err.message = err.message:gsub(" %(at http:[^)]*%)$", "") -- the URL of a 404: explain_spec.lua
  for name, value in pairs(members) do assert.are.equal(value or nil, err[name], name) end
end

describe("an error's body may be", function()
  for _, case in ipairs(envelopes) do
    it(case[1], function()
      local err = talk.fails(case[2])
      assert.are.equal(case[2].status, err.status)
      if case[2].body ~= "" then assert.are.equal(case[2].body, err.body) end
      check(err, case[3])
    end)
  end

  it("nested beyond all measure", function()
    for _, open in ipairs { "[", '{"error":', '{"detail":' } do
      local body = open:rep(100000)
      local err = talk.fails { status = 500, body = body }
      assert.are.equal("server", err.kind)
      assert.are.equal("HTTP 500: " .. body:sub(1, 200) .. "...", err.message)
      err = talk.fails { status = 500, body = ("["):rep(900) .. ("]"):rep(900) }
      assert.are.equal("server", err.kind)
    end
  end)

  it("longer than anybody wants: 1 MiB of it is kept", function()
    local err = talk.fails { status = 500, body = ("x"):rep(1024), body_times = 2048 }
    assert.are.equal("server", err.kind)
    assert.are.equal(1024 * 1024, #err.body)
    assert.are.equal("HTTP 500: " .. ("x"):rep(200) .. "...", err.message)
  end)

  it("cut by the server, or not end: the status counts", function()
    local body = '{"message":"no trace_id: ' .. TRACE .. '"}'
    for _, ending in ipairs { "close", "reset", "stall" } do
      local err = talk.fails({ status = 503, body = body, content_length = 1000, ending = ending },
        { idle_timeout = 0.05 })
      check(err, { kind = "server", status = 503, message = "no", trace_id = TRACE, body = body })
    end
    local err = talk.fails({ status = 429, body = body, cut = 20, ending = "stall" },
      { idle_timeout = 0.05 })
    check(err, { kind = "rate_limit", message = "HTTP 429: " .. body:sub(1, 20) })
  end)
end)

describe("the kind of an error", function()
  local kinds = {
    [400] = "bad_request", [401] = "authentication", [403] = "permission", [404] = "not_found",
    [409] = "conflict", [413] = "request_too_large", [422] = "unprocessable", [429] = "rate_limit",
    [300] = "redirect", [302] = "redirect", [304] = "redirect", [308] = "redirect",
    [402] = "api_status", [405] = "api_status", [408] = "api_status", [410] = "api_status",
    [418] = "api_status", [425] = "api_status", [451] = "api_status", [499] = "api_status",
    [500] = "server", [501] = "server", [502] = "server", [503] = "server", [504] = "server",
    [529] = "server", [599] = "server",
  }
  for status, kind in pairs(kinds) do
    it(("is %s for %d"):format(kind, status), function()
      local err = talk.fails { status = status, body = '{"message":"m"}' }
      assert.are.equal(kind, err.kind)
      assert.are.equal(status, err.status)
      assert.are.equal(kind ~= "redirect", err:is("api_status"))
      assert.is_true(err:is(kind))
      assert.is_false(err:is("connection"))
    end)
  end

  it("is authentication for a 403 that is about the key", function()
    for _, reason in ipairs { "INVALID_API_KEY", "FAILED_TO_AUTH" } do
      assert.are.equal("authentication", talk.fails { status = 403, reason = reason }.kind)
    end
    assert.are.equal("permission", talk.fails { status = 403, reason = "ACCESS_DENY" }.kind)
    assert.are.equal("authentication", talk.fails({}, { api_key = false }).kind)
    assert.are.equal("authentication", talk.fails({}, { api_key = "sk_wrong" }).kind)
  end)

  it("has families", function()
    local timeout = core.error { kind = "timeout", message = "m" }
    assert.is_true(timeout:is("timeout") and timeout:is("connection"))
    assert.is_false(timeout:is("api_status") or timeout:is("server"))
    assert.is_false(core.error({ kind = "connection" }):is("timeout"))
    assert.is_false(core.error({ kind = "config" }):is("api_status"))
  end)
end)

describe("a 200 with", function()
  local errors = {
    ['{"error":{"message":"m","code":502}}'] = { message = "m", code = 502 },
    ['{"error":"m"}'] = { message = "m" },
    ['{"code":429,"reason":"RATE_LIMIT_EXCEEDED","message":"m"}'] =
      { message = "m", reason = "RATE_LIMIT_EXCEEDED" },
    ['{"object":"error","message":"m"}'] = { message = "m" },
    ['{"choices":[],"error":{"message":"m"}}'] = { message = "m" },
    ['{"choices":[{"message":{"content":"x"}}],"error":{"message":"m"}}'] = { message = "m" },
  }
  for body, members in pairs(errors) do
    it(body .. " is an api_error", function()
      local err = talk.fails { body = body }
      check(err, { kind = "api_error", status = 200, body = body })
      check(err, members)
    end)
  end

  for _, error_member in ipairs { "null", '""' } do
    it("an error of " .. error_member .. " is none", function()
      talk.gets('{"choices":[{"message":{"content":"x"}}],"error":' .. error_member .. "}")
    end)
  end

  local useless = {
    { "<html><title>Welcome secret", "it is not JSON", "text/html; charset=x", "text/html" },
    { "", "it is empty" }, { "[]", "no choices" }, { "{}", "no choices" },
    { '"secret"', "not a JSON object" }, { '{"choices":"secret"}', "no choices" },
    { '{"choices":[]}', "no choice" }, { '{"choices":{"secret":1}}', "no choice" },
    { '{"choices":["secret"]}', "no choice" },
    { '{"choices":[{"text":"secret"}]}', "a choice without a message" },
    { '{"choices":[{"message":"secret"}]}', "a choice without a message" },
    { '{"choices":[{"message":{"content":"secr', "it is not JSON" },
  }
  for _, case in ipairs(useless) do
    it(("%q is an invalid_response"):format(case[1]), function()
      local err = talk.fails { body = case[1], content_type = case[3] }
      check(err, { kind = "invalid_response", status = 200, phase = "body" })
      local start = "the response can't be used: " .. case[2]
      assert.are.equal(start, err.message:sub(1, #start))
      assert.is_nil(tostring(err):find("secret", 1, true))
      if case[4] then assert.is_truthy(err.message:find("(" .. case[4] .. ")", 1, true)) end
    end)
  end

  it("nothing to give, 204, is an invalid_response", function()
    check(talk.fails { status = 204, body = "" }, { kind = "invalid_response", status = 204 })
  end)
end)
