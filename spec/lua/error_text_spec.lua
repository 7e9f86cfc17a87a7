-- Where else servers put the words of an error: in events, in lists, in what another server said to
-- them, in pages. And under which status.

local core = require("novita.core")

local streaming = require("spec.support.streaming")
local talk = require("spec.support.client")

local HTML = "<!DOCTYPE html><html><head><title>Just a\n moment...</title></head></html>"

-- A step: an event named error with this data.
local function error_event(data)
  return { events = { { raw = "event: error\ndata: " .. data .. "\n\n" } } }
end

local RAW = [[{\"error\":{\"message\":\"tokens per minute reached\",\"type\":\"tokens\",]]
  .. [[\"code\":\"rate_limit_exceeded\"}}]]

-- The name, the answer, and the members that the error must have; `false` means none.
local places = {
  { "an event", { status = 429, content_type = "text/event-stream",
    body = 'data: {"error":{"message":"slow","code":429}}\n\ndata: [DONE]\n\n' },
    { kind = "rate_limit", message = "slow", code = 429 } },
  { "an event named error", { status = 400, content_type = "text/event-stream",
    body = ': hello\nevent: error\ndata: {"message":"no",\ndata: "type":"t"}\n\n' },
    { message = "no", type = "t" } },
  { "an event that has no end", { status = 503, content_type = "text/event-stream",
    body = 'data:{"error":"busy"}' }, { message = "busy" } },
  { "an event of plain words", { status = 500, body = "event: error\ndata: out of luck\n\n" },
    { message = "out of luck" } },
  { "an event that is broken", { status = 500, body = 'data: {"error":{"mess\n\n' },
    { message = 'HTTP 500: data: {"error":{"mess' } },
  { "an event under 200", { content_type = "text/event-stream",
    body = 'data: {"error":{"message":"no","code":502}}\n\n' },
    { kind = "api_error", status = 200, message = "no", code = 502 } },

  { "a detail list of two", { status = 422, body = '{"detail":['
    .. '{"loc":["body","messages",0,"content"],"msg":"field required"},'
    .. '{"loc":["body","n"],"msg":"not a number"}]}' },
    { message = "field required; not a number", param = "messages[0].content" } },
  { "a detail list of messages", { status = 400, body = '{"detail":[{"message":"no"}]}' },
    { message = "no" } },
  { "a detail list of texts", { status = 400, body = '{"detail":["one","two"]}' },
    { message = "one; two" } },
  { "a detail of an error", { status = 400, body = '{"detail":{"error":{"message":"no"}}}' },
    { message = "no" } },
  { "a list of messages", { status = 400,
    body = '{"statusCode":400,"error":"Bad Request","message":["a is not b","c"]}' },
    { message = "a is not b; c" } },
  { "a message that is an object", { status = 400,
    body = '{"error":{"message":{"detail":"deep"},"code":3}}' }, { message = "deep", code = 3 } },
  { "a list of errors", { status = 400,
    body = '{"errors":[{"message":"one"},{"message":"two"}],"success":false}' },
    { message = "one; two" } },
  { "a list in error", { status = 400, body = '{"error":[{"message":"one","code":7}]}' },
    { message = "one", code = 7 } },
  { "msg", { status = 400, body = '{"code":500,"msg":"404 NOT_FOUND","success":false}' },
    { message = "404 NOT_FOUND", code = 500 } },
  { "error_description", { status = 401,
    body = '{"error":"invalid_client","error_description":"no such client"}' },
    { message = "no such client" } },
  { "a title and no detail", { status = 400, body = '{"title":"Bad","status":400}' },
    { message = "Bad" } },
  { "a title and a detail", { status = 400, body = '{"title":"Bad","detail":"n is negative"}' },
    { message = "n is negative" } },

  { "base_resp", { body = '{"choices":null,'
    .. '"base_resp":{"status_code":1004,"status_msg":"login"}}' },
    { kind = "api_error", status = 200, message = "login", code = 1004 } },
  { "base_resp beside choices", { body =
    '{"choices":[],"base_resp":{"status_code":2013,"status_msg":"invalid params"}}' },
    { kind = "api_error", message = "invalid params", code = 2013 } },
  { "base_resp under a status", { status = 401,
    body = '{"base_resp":{"status_code":"1004","status_msg":"login"}}' },
    { kind = "authentication", message = "login", code = "1004" } },

  { "a raw error of the provider", { status = 429, body = '{"error":{"message":"Provider returned '
    .. 'error","code":429,"metadata":{"provider_name":"P","raw":"' .. RAW .. '"}}}' },
    { message = "tokens per minute reached", code = 429, type = "tokens" } },
  { "a raw object", { status = 400, body = '{"error":{"message":"Provider returned error",'
    .. '"metadata":{"raw":{"message":"too long","code":"c"}}}}' },
    { message = "too long", code = "c" } },
  { "raw words", { status = 429, body = '{"error":{"message":"Provider returned error","code":429,'
    .. '"metadata":{"raw":"m is limited upstream"}}}' },
    { message = "m is limited upstream", code = 429 } },
  { "a raw page", { status = 502, body = '{"error":{"message":"Provider returned error",'
    .. '"metadata":{"raw":"<html><title>502 Bad Gateway</title></html>"}}}' },
    { message = "502 Bad Gateway" } },
  { "nothing raw", { status = 403, body = '{"error":{"message":"flagged","code":403,'
    .. '"metadata":{"reasons":["violence"],"raw":""}}}' }, { message = "flagged", code = 403 } },

  { "a page inside JSON", { status = 502, body = '{"error":"<html><title>502 Oh</title></html>"}' },
    { message = "502 Oh" } },
  { "a page under 200", { body = HTML, content_type = "text/html; charset=x" },
    { kind = "invalid_response", status = 200, body = HTML } },
  { "a list under 200", { body = '[{"error":{"code":400,"message":"API key not valid"}}]' },
    { kind = "api_error", message = "API key not valid", code = 400 } },
}

local function check(err, members)
  for name, value in pairs(members) do assert.are.equal(value or nil, err[name], name) end
end

describe("the words of an error may be in", function()
  for _, case in ipairs(places) do
    it(case[1], function()
      local err = talk.fails(case[2])
      assert.are.equal(case[2].body, err.body)
      check(err, case[3])
    end)
  end

  it("the title of a page where an answer should be", function()
    local err = talk.fails { body = HTML, content_type = "text/html; charset=x" }
    assert.is_truthy(err.message:find('(text/html: "Just a moment...")', 1, true), err.message)
  end)

  it("all of these places in a stream's event too", function()
    for _, case in ipairs(places) do
      local body, members = case[2].body, case[3]
      if body:find('"base_resp"', 1, true) or body:find('^{"error"') then
        local err = streaming.fails { events = { body }, done = false }
        check(err, { kind = "stream_error", message = members.message, code = members.code })
      end
    end
  end)

  it("lists nested beyond all measure", function()
    local opens = { '{"detail":[', '{"message":{"detail":', '{"error":{"metadata":{"raw":' }
    for _, open in ipairs(opens) do
      local close = open:gsub("[^%[{]", ""):reverse():gsub(".", { ["["] = "]", ["{"] = "}" })
      local times = math.floor(900 / #close)
      local body = open:rep(times) .. '"deep"' .. close:rep(times)
      assert.are.equal("server", talk.fails({ status = 500, body = body }).kind)
    end
  end)
end)

describe("a status in base_resp of", function()
  for _, status in ipairs { "0", '"0"', "null" } do
    it(status .. " is no error", function()
      talk.gets('{"choices":[{"message":{"content":"x"}}],"base_resp":{"status_code":' .. status
        .. ',"status_msg":"success"}}')
    end)
  end
end)

describe("an error event", function()
  it("whose data is broken JSON quotes none of it", function()
    for _, data in ipairs { '{"error":{"text":"private', '["private', '"private', "{private}" } do
      local lines = {}
      local stream = streaming.open(error_event(data), {
        log = function(_, event) lines[#lines + 1] = tostring(event.error or event.message) end,
      })
      local _, err = streaming.drain(stream)
      assert.equal("stream_error", err.kind)
      assert.is_nil(tostring(err):find("private", 1, true))
      assert.is_nil(table.concat(lines):find("private", 1, true))
      assert.equal(data, err.body)
    end
  end)

  it("has what the server sent in its body", function()
    local body = '{"error":{"message":"m"}}'
    assert.equal(body, streaming.fails({ events = { body } }).body)
    assert.equal("out of luck", streaming.fails(error_event("out of luck")).body)
  end)
end)

describe("an error under 200", function()
  local function requests(body, policy)
    talk.sim:reset()
    talk.sim:script { { body = body } }
    local reply = talk.client({ retry = policy or { initial_delay = 0 } }):chat(talk.request())
    return #talk.sim:journal(), reply
  end

  for _, code in ipairs { "429", "500", "502", "503", "529", '"429"', '"503"' } do
    it("with the code " .. code .. " is retried like that status", function()
      local count, reply = requests('{"error":{"message":"m","code":' .. code .. "}}")
      assert.are.equal(2, count)
      assert.is_truthy(reply)
    end)
  end

  for _, code in ipairs { "400", "404", "600", "1004", '"rate_limit"', '"5"', "5e2.5" } do
    it("with the code " .. code .. " is not", function()
      assert.are.equal(1, (requests('{"error":{"message":"m","code":' .. code .. "}}")))
    end)
  end

  it("about an empty account is not", function()
    assert.are.equal(1, (requests('{"error":{"type":"insufficient_quota","code":429}}')))
  end)

  it("has the status of the answer and the code that was in it", function()
    local err = talk.fails { body = '{"error":{"message":"m","code":503}}' }
    check(err, { kind = "api_error", status = 200, code = 503 })
  end)
end)

describe("the list of models", function()
  it("may be bare", function()
    for body, count in pairs { ['[{"id":"a"},{"id":"b"}]'] = 2, ["[]"] = 0 } do
      talk.sim:reset()
      talk.sim:script { { body = body } }
      local list, info = talk.client():models()
      assert.are.equal(count, list and #list, tostring(info))
    end
  end)

  it("is none where an element has no id", function()
    talk.sim:reset()
    talk.sim:script { { body = '[{"id":"a"},"b"]' } }
    local list, err = talk.client():models()
    assert.is_nil(list)
    assert.are.equal("invalid_response", err.kind)
    assert.is_truthy(core.error(err))
  end)
end)
