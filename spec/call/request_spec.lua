-- Any endpoint: what client:request sends, what it gives, and that all the rest is as for a chat.

local novita = require("novita")

local talk = require("spec.support.client")

local sim = talk.sim

before_each(function() sim:reset() end)
teardown(function() sim:reset() end)

local function entry()
  return assert(sim:journal()[1], "nothing was sent")
end

describe("a request", function()
  it("is a GET, or with a body a POST of its JSON", function()
    local answer = talk.asks({ body = '{"a":[1,null]}' })
    assert.are.same({ a = { 1, novita.null } }, answer)
    local got = entry()
    assert.are.same({ "GET", "/openai/v1/things", "" }, { got.method, got.path, got.body })
    sim:reset()
    talk.asks({ body = "{}" }, { body = { b = { 1 }, a = "x" } })
    got = entry()
    assert.are.same({ "POST", '{"a":"x","b":[1]}', "application/json" },
      { got.method, got.body, got.header["content-type"] })
  end)

  it("may have another method, a text as body, more headers and a query", function()
    local client = talk.client { query = { a = 1, b = 2 }, headers = { ["X-A"] = "1" } }
    sim:script { { body = "{}" } }
    assert(client:request {
      method = "PATCH", path = "/things?z=0", body = "a,b\n", query = { b = 3 },
      headers = { ["Content-Type"] = "text/csv", ["x-b"] = "2" },
    })
    local got = entry()
    assert.are.same({ "PATCH", "/openai/v1/things?z=0&a=1&b=3", "a,b\n" },
      { got.method, got.path, got.body })
    assert.are.same({ "text/csv", "1", "2", "Bearer " .. talk.KEY }, { got.header["content-type"],
      got.header["x-a"], got.header["x-b"], got.header.authorization })
  end)

  it("gives the answer as a table where its type says JSON, else as text", function()
    for _, kind in ipairs { "application/json", "Application/Problem+JSON; charset=utf-8" } do
      assert.are.same({ a = 1 }, talk.asks { body = '{"a":1}', content_type = kind })
    end
    for _, kind in ipairs { "text/plain", "application/jsonl", "application/x-ndjson" } do
      assert.are.equal('{"a":1}', talk.asks { body = '{"a":1}', content_type = kind })
    end
    assert.are.equal("a\0b", talk.asks { body = "a\0b", content_type = "application/octet-stream" })
    assert.are.equal("", talk.asks { body = "", status = 200 })
  end)

  it("says what is known beside the answer", function()
    local _, info = talk.asks { body = "{}" }
    assert.are.same({ 200, 1 }, { info.status, #info.attempts })
    assert.is_string(info.request_id)
  end)
end)

describe("a request whose answer has a code and a message", function()
  it("fails by any code but those of success", function()
    for _, code in ipairs { 0, 200 } do
      local body = ('{"code":%d,"message":"success"}'):format(code)
      assert.are.same({ code = code, message = "success" }, (talk.asks { body = body }))
    end
    for _, code in ipairs { "1", '"X"' } do
      local _, err = talk.asks { body = ('{"code":%s,"message":"sorry"}'):format(code) }
      assert.are.same({ "api_error", "sorry" }, { err.kind, err.message })
    end
  end)
end)

describe("a request that fails", function()
  it("gives the errors of a chat", function()
    local _, err = talk.asks { status = 404, message = "no such thing" }
    assert.are.equal("not_found", err.kind)
    assert.is_truthy(err.message:find("no such thing (at " .. sim.url .. "/things)", 1, true))
    _, err = talk.asks({ status = 404 }, { path = "/things?token=s3cret" })
    assert.is_truthy(err.message:find("(at " .. sim.url .. "/things)", 1, true))
    _, err = talk.asks { body = '{"error":{"message":"odd","code":"x"}}' }
    assert.are.same({ "api_error", "odd", "x" }, { err.kind, err.message, err.code })
    for _, body in ipairs { "{", "null", "false" } do
      assert.are.equal("invalid_response", select(2, talk.asks { body = body }).kind)
    end
    _, err = talk.asks({ ending = "stall", cut = 1, body = "{}" }, {}, { idle_timeout = 0.05 })
    assert.are.same({ "timeout", "idle" }, { err.kind, err.reason })
  end)

  it("is tried again as a chat is", function()
    local steps = {
      { status = 503, connection = "close" }, { raw = "", ending = "reset" }, { body = "{}" },
    }
    local answer, info = talk.asks(steps, { body = { a = 1 } },
      { retry = { attempts = 3, initial_delay = 0 } })
    assert.are.same({}, answer)
    assert.are.equal(3, #info.attempts)
    for _, sent in ipairs(sim:journal()) do assert.are.equal('{"a":1}', sent.body) end
  end)

  it("is not sent if it can't be right", function()
    local wrong = {
      { {}, "path: is missing" }, { { path = "things" }, 'path: "things" does not begin with /' },
      { { path = "/a b" }, 'path: "/a b" does not begin with /, or has a blank in it' },
      { { path = "/", method = "post" }, 'method: "post" is not in capitals' },
      { { path = "/", body = { print } }, "[1]: a function can't be sent" },
      { { path = "/", stream = true, save_to = "x" }, "save_to: is not for a stream" },
      { { path = "/", files = { a = {} } }, "files.a: has neither or both of path and bytes" },
      { { path = "/", files = { a = { bytes = "" } }, body = "text" }, "body: is a text" },
    }
    for _, case in ipairs(wrong) do
      local answer, err = talk.client():request(case[1])
      assert.are.same({ nil, "config" }, { answer, err.kind })
      assert.are.equal(case[2], err.message:sub(1, #case[2]))
    end
    assert.are.equal(0, #sim:journal())
  end)

  it("raises on misuse, with the caller's line", function()
    local wrong = {
      { "x", "request: expected a table of options, got \"x\"" },
      { { path = "/", bdy = {} }, 'request.bdy: unknown option; did you mean "body"?' },
      { { path = 1 }, "request.path: expected a string, got 1" },
      { { path = "/", files = { a = { pth = "x" } } }, 'request.files.a.pth: unknown option' },
    }
    for _, case in ipairs(wrong) do
      local ok, problem = pcall(function() talk.client():request(case[1]) end)
      assert.is_false(ok)
      assert.is_truthy(problem:find("request_spec.lua:%d+: "), problem)
      assert.is_truthy(problem:find(case[2], 1, true), problem)
    end
  end)
end)

describe("requests", function()
  it("wait for limits, with the tokens that their bodies have", function()
    local limit = novita.limit { rpm = 100, tpm = 1000 }
    local long = { input = ("word "):rep(2000) }
    local _, err = talk.asks(nil, { body = long }, { limit = limit })
    assert.are.same({ "rate_limited_local", "tokens" }, { err.kind, err.reason })
    assert(talk.asks({ body = '{"usage":{"total_tokens":5}}' }, { body = { input = "word" } },
      { limit = limit }))
    assert(talk.asks({ body = "{}" }, { body = { input_file_id = "file" } }, { limit = limit }))
  end)

  it("are logged without body and query", function()
    local events = {}
    talk.asks({ body = "{}" }, { body = { secret = "s3cret" }, query = { key = "s3cret" } },
      { log = function(_, event) events[#events + 1] = event end })
    local first = events[1]
    assert.are.same({ "attempt", "POST", 200 }, { first.event, first.method, first.status })
    for _, event in ipairs(events) do
      for _, value in pairs(event) do assert.is_nil(tostring(value):find("s3cret", 1, true)) end
    end
  end)

  it("go on at the same time in tasks, and stop with them", function()
    sim:always { body = "{}", delay = 0.05 }
    local client, done = talk.client(), {}
    for index = 1, 3 do
      novita.spawn(function() done[index] = client:request { path = "/things" } end)
    end
    local stopped
    local task = novita.spawn(function()
      stopped = select(2, client:request { path = "/things" })
    end)
    task:cancel()
    novita.run()
    assert.are.same({ {}, {}, {} }, done)
    assert.are.equal("cancelled", stopped.kind)
    assert.is_true(sim:stats().most_active >= 3)
  end)
end)
