-- The forms of a stream: chunks, text, next, reply, cancel.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local open, request = streaming.open, streaming.request
local sim, client

local function plain_text()
  return assert(client:chat(request)):text()
end

describe("a stream", function()
  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    client = streaming.client()
  end)

  it("gives each chunk as the server sent it", function()
    local count, usage = 0, nil
    for chunk in open():chunks() do
      count = count + 1
      assert.equal("chat.completion.chunk", chunk.object)
      assert.is_table(chunk.choices)
      usage = chunk.usage
    end
    assert.is_true(count > 10)
    assert.is_true(usage.total_tokens > 0)
  end)

  it("gives the text alone, nothing empty in it", function()
    local parts = {}
    for text in open():text() do
      assert.not_equal("", text)
      parts[#parts + 1] = text
    end
    assert.is_true(#parts > 5)
    assert.equal(plain_text(), table.concat(parts))
  end)

  it("gives the text of the first choice only", function()
    local both = { model = streaming.model, message = "Hello there", n = 2 }
    local parts = {}
    for text in open(nil, nil, both):text() do parts[#parts + 1] = text end
    assert.equal(plain_text(), table.concat(parts))
  end)

  it("gives one chunk after the other to who asks, then nil without an error", function()
    local stream = open { events = { streaming.chunk("a"), streaming.chunk("b", "stop") } }
    assert.equal("a", stream:next().choices[1].delta.content)
    assert.equal("b", stream:next().choices[1].delta.content)
    for _ = 1, 2 do
      local chunk, err = stream:next()
      assert.is_nil(chunk)
      assert.is_nil(err)
    end
  end)

  it("gives the assembled reply, as often as asked, whatever was read before", function()
    local stream = open()
    stream:next()
    local reply, info = stream:reply()
    assert.equal(plain_text(), reply:text())
    assert.equal(plain_text(), tostring(reply))
    assert.equal("stop", reply.choices[1].finish_reason)
    assert.equal("chat.completion", reply.object)
    assert.equal(200, info.status)
    assert.same(reply, (stream:reply()))
  end)

  it("tells what is known beside it, at once", function()
    local stream = open { pace = 0.005 }
    assert.equal(200, stream.info.status)
    assert.equal("1.1", stream.info.http_version)
    assert.equal(32, #stream.info.request_id)
    assert.equal("text/event-stream", stream.info.headers["content-type"])
    local opened = stream.info.timings.total
    local _, info = stream:reply()
    assert.equal(info, stream.info)
    assert.is_true(info.timings.total > opened + 0.03)
  end)

  it("tells the attempts to open it, at its end and in its error too", function()
    local stream = open { pace = 0.005 }
    local attempts = stream.info.attempts
    assert.equal(1, #attempts)
    assert.equal(stream.info.timings.total, attempts[1].seconds)
    local _, info = stream:reply()
    assert.equal(attempts, info.attempts)
    local unread = open { pace = 0.005 }
    local _, whole = unread:reply()
    assert.is_true(whole.attempts[1].seconds < whole.timings.total - 0.03)
    local cut = open { events = { streaming.chunk("Hi") }, done = false }
    local _, err = cut:reply()
    assert.equal("stream_truncated", err.kind)
    assert.equal(cut.info.attempts, err.attempts)
    assert.equal(1, #err.attempts)
  end)

  it("has whole timings too when it ends without [DONE]", function()
    local stream = open { pace = 0.005, done = false }
    local opened = stream.info.timings.total
    local _, info = stream:reply()
    assert.is_true(info.timings.total > opened + 0.03)
  end)

  it("can be looped over once", function()
    for _, pair in ipairs { { "text", "text" }, { "chunks", "text" }, { "text", "chunks" } } do
      local stream = open()
      for _ in stream[pair[1]](stream) do end
      local ok, err = pcall(stream[pair[2]], stream)
      assert.is_false(ok)
      assert.truthy(err:find("read already", 1, true))
    end
  end)

  it("says what it is", function()
    local stream = open(streaming.silent { streaming.chunk("a") })
    assert.equal("novita.stream (open)", tostring(stream))
    stream:cancel()
    assert.equal("novita.stream (cancelled)", tostring(stream))
    stream = open()
    stream:reply()
    assert.equal("novita.stream (ended)", tostring(stream))
  end)

  it("refuses a bad request before it is sent", function()
    local stream, err = client:stream { model = streaming.model }
    assert.is_nil(stream)
    assert.equal("config", err.kind)
    assert.equal("message", err.param)
    assert.equal(0, #sim:journal())
  end)
end)

describe("the usage of a stream", function()
  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    client = streaming.client()
  end)

  local function ask(stream_options)
    local asked = { model = streaming.model, message = "Hi", stream_options = stream_options }
    local reply = assert(assert(client:stream(asked)):reply())
    local entries = sim:journal()
    return reply, core.decode(entries[#entries].body)
  end

  it("is asked for unless the caller decides", function()
    local reply, body = ask(nil)
    assert.same({ include_usage = true }, body.stream_options)
    assert.is_true(reply.usage.total_tokens > 0)
  end)

  it("can be done without", function()
    local reply, body = ask { include_usage = false }
    assert.same({ include_usage = false }, body.stream_options)
    assert.is_nil(reply.usage)
  end)

  it("need not be mentioned at all", function()
    local reply, body = ask(false)
    assert.is_nil(body.stream_options)
    assert.is_nil(reply.usage)
    assert.is_true(body.stream)
  end)

  it("is not asked for by a plain call", function()
    assert(client:chat(request))
    assert.is_nil(core.decode(sim:journal()[1].body).stream_options)
  end)
end)
