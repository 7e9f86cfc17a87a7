-- Streams that fail for other reasons: the connection, the time, the server's bytes.

local novita = require("novita")

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local chunk, finish = streaming.chunk, streaming.finish
local fails, succeeds = streaming.fails, streaming.succeeds
local sim

local function partial_text(err)
  return err.partial and err.partial:text()
end

describe("a broken connection", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local function breaks(step)
    local err = fails(step)
    assert.equal("connection", err.kind)
    assert.equal("reset", err.reason)
    assert.equal("stream", err.phase)
    assert.equal(200, err.status)
    assert.equal(1, #sim:journal())
    return err
  end

  it("is told from a good end: chunked framing that stops", function()
    assert.equal("You", partial_text(breaks { cut_pieces = 3 }):sub(1, 3))
  end)

  it("is told although the finish reason was there", function()
    local err = breaks { events = { chunk("Hi", "stop") }, done = false, final_chunk = false }
    assert.equal("Hi", partial_text(err))
    assert.equal("stop", err.partial.choices[1].finish_reason)
    assert.is_true(err.partial.incomplete)
  end)

  it("is told from a good end: a body shorter than its length", function()
    local step = { events = { chunk("Hi", "stop") }, done = false, content_length = 5000 }
    step.ending = "close"
    assert.equal("Hi", partial_text(breaks(step)))
  end)

  it("is told when the server resets it", function()
    assert.equal("You", partial_text(breaks { cut_pieces = 3, ending = "reset", pace = 0.005 })
      :sub(1, 3))
  end)

  it("does not matter behind [DONE], blank line or not", function()
    for _, raw in ipairs { "data: [DONE]\n\n", "data: [DONE]\n", "data: [DONE]" } do
      assert.equal("Hi", succeeds({ events = { chunk("Hi", "stop"), { raw = raw } }, done = false,
        final_chunk = false }):text())
    end
  end)

  it("is told before the headers by the one who opens the stream", function()
    sim:script { { cut_head = 10 } }
    local stream, err = streaming.client():stream(streaming.request)
    assert.is_nil(stream)
    assert.equal("connection", err.kind)
    assert.equal("headers", err.phase)
  end)
end)

describe("a time-out in a stream", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local function times_out(reason, step, options)
    local err
    local seconds = streaming.took(function() err = fails(step, options) end)
    assert.equal("timeout", err.kind)
    assert.equal(reason, err.reason)
    assert.equal("stream", err.phase)
    assert.is_true(seconds < 0.1 + streaming.slack)
    return err
  end

  local function does_not_open(reason, step, options)
    sim:script { step }
    local stream, err = streaming.client(options):stream(streaming.request)
    assert.is_nil(stream)
    assert.equal("timeout", err.kind)
    assert.equal(reason, err.reason)
    assert.equal("headers", err.phase)
  end

  it("is idle when the server falls silent", function()
    local err = times_out("idle", streaming.silent { chunk("a") }, { idle_timeout = 0.05 })
    assert.equal("a", partial_text(err))
    assert.equal("the response stopped for 0.05 s", err.message)
  end)

  it("is idle too when no event ever comes", function()
    assert.is_nil(times_out("idle", streaming.silent {}, { idle_timeout = 0.05 }).partial)
  end)

  it("is not idle while comments come", function()
    local events = {}
    for index = 1, 8 do events[index] = { raw = ": alive\n\n" } end
    events[9] = chunk("a", "stop")
    succeeds({ events = events, pace = 0.02 }, { idle_timeout = 0.08 })
  end)

  it("is the deadline, however busy the stream", function()
    local events = {}
    for index = 1, 100 do events[index] = chunk("a") end
    local err = times_out("deadline", { events = events, pace = 0.005 },
      { deadline = 0.06, idle_timeout = 0.05 })
    assert.is_true(#partial_text(err) > 2)
  end)

  it("is not that of an attempt once the headers are here", function()
    succeeds({ events = { chunk("a"), chunk("b"), chunk("c", "stop") }, pace = 0.03 },
      { attempt_timeout = 0.05 })
  end)

  it("is that of an attempt before them", function()
    does_not_open("attempt", { delay = 0.2 }, { attempt_timeout = 0.05 })
  end)

  it("is that of the first byte before them", function()
    does_not_open("first_byte", { delay = 0.2 }, { first_byte_timeout = 0.05 })
  end)

  it("is the deadline before them", function()
    does_not_open("deadline", { delay = 0.2 }, { deadline = 0.05 })
  end)
end)

describe("bytes that are no stream of chunks", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local secret = "very-private-words"

  local odd = {
    '{"content":"very-private-words', "very-private-words", '"very-private-words"',
    '["very-private-words"]', "[DONE]very-private-words", "[DONE]\nvery-private-words",
    '{"content":"very-private-words\1"}', '{"content":"very-private-words"} {}',
    ('{"a":'):rep(3000) .. '"very-private-words"' .. ("}"):rep(3000),
  }
  for _, data in ipairs(odd) do
    it("end it: " .. data:sub(1, 40):gsub("%c", " "), function()
      local err = fails { events = { chunk("Hi"), data, finish("stop") } }
      assert.equal("invalid_response", err.kind)
      assert.equal("Hi", partial_text(err))
      assert.is_nil(err.message:find(secret, 1, true))
      assert.is_nil(tostring(err):find(secret, 1, true))
      assert.equal(data, err.body)
    end)
  end

  it("end it: a choice or a call that has no place", function()
    for _, value in ipairs { "-1", "1.5", '"0"', "128", "1e300", "{}" } do
      local err = fails { events = { chunk("Hi"), '{"choices":[{"index":' .. value
        .. ',"delta":{"content":"x"}}]}' } }
      assert.equal("invalid_response", err.kind)
      assert.equal("Hi", partial_text(err))
    end
  end)

  it("are mended where it is only their UTF-8", function()
    local reply = succeeds { events = { chunk("a"), '{"choices":[{"index":0,"delta":'
      .. '{"content":"\255b\237\160\128"},"finish_reason":"stop"}]}' } }
    assert.equal("a\239\191\189b\239\191\189\239\191\189\239\191\189", reply:text())
  end)

  it("end it: an event above max_event_bytes", function()
    local err = fails({ events = { chunk("Hi"), chunk(("x"):rep(5000), "stop") } },
      { max_event_bytes = 4000 })
    assert.equal("response_too_large", err.kind)
    assert.equal("Hi", partial_text(err))
    assert.equal(200, err.status)
    assert.equal(32, #err.request_id)
    succeeds({ events = { chunk(("x"):rep(300000), "stop") } })
  end)
end)

describe("an answer that is no stream", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  for status, kind in pairs {
    [400] = "bad_request", [401] = "authentication", [403] = "permission", [404] = "not_found",
    [413] = "request_too_large", [429] = "rate_limit", [500] = "server", [503] = "server",
    [307] = "redirect",
  } do
    it("is the error of its status " .. status, function()
      sim:script { { status = status } }
      local stream, err = streaming.client():stream(streaming.request)
      assert.is_nil(stream)
      assert.equal(kind, err.kind)
      assert.equal(status, err.status)
    end)
  end

  it("is the error in it", function()
    local err = fails { body = '{"error":{"message":"no luck","code":1}}' }
    assert.equal("api_error", err.kind)
    assert.equal("no luck", err.message)
    err = fails { body = '{"code":403,"reason":"NOT_ENOUGH_BALANCE","message":"poor"}' }
    assert.equal("poor", err.message)
  end)

  it("is a whole completion in one chunk", function()
    local request = { model = streaming.model, message = "Hello there" }
    local plain = assert(streaming.client():chat(request))
    local body = assert(require("novita.core").encode(plain))
    local reply, info = succeeds { body = body }
    assert.same(plain, reply)
    assert.equal("application/json", info.headers["content-type"])
    local texts = streaming.drain(streaming.open { body = body })
    assert.same({ plain:text() }, texts)
  end)

  it("is nothing that can be used", function()
    for _, step in ipairs {
      { body = "<html>Welcome</html>", content_type = "text/html" }, { body = "" },
      { body = '{"choices":[]}' }, { body = "Welcome", content_type = "text/plain" },
      { status = 204, body = "" },
    } do
      local err = fails(step)
      assert.equal("invalid_response", err.kind)
      assert.is_nil(err.partial)
    end
  end)

  it("is a stream with any charset, or without a content type", function()
    for _, content_type in ipairs { "text/event-stream; charset=latin1", "Text/Event-Stream" } do
      assert.equal("Hi", succeeds({ events = { chunk("Hi", "stop") },
        content_type = content_type }):text())
    end
    assert.equal("Hi", succeeds({ events = { chunk("Hi", "stop") }, headers_only = true,
      headers = { ["Transfer-Encoding"] = "chunked" } }):text())
  end)
end)

describe("novita itself", function()
  it("streams too", function()
    local err = select(2, novita.stream({ model = "m", message = "Hi" },
      { base_url = "ftp://nowhere", api_key = "sk_spec" }))
    assert.equal("config", err.kind)
  end)
end)
