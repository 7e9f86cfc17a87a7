-- The forms of a stream: chunks, text, next, reply, cancel; and a chat with callbacks.

local core = require("novita.core")

local simulator = require("spec.support.sim")
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

describe("a chat with callbacks", function()
  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    client = streaming.client()
  end)

  it("tells the text as it comes and returns what a plain call returns", function()
    local parts = {}
    local reply, info = client:chat(request, {
      on_text = function(text) parts[#parts + 1] = text end,
    })
    assert.equal(plain_text(), table.concat(parts))
    assert.equal(plain_text(), reply:text())
    assert.equal(200, info.status)
  end)

  it("tells each chunk before its text", function()
    local seen = {}
    sim:script { { events = {
      streaming.delta { role = "assistant" }, streaming.chunk("a"), streaming.chunk("b", "stop"),
    } } }
    assert(client:chat(request, {
      on_chunk = function(chunk) seen[#seen + 1] = type(chunk) end,
      on_text = function(text) seen[#seen + 1] = text end,
    }))
    assert.same({ "table", "table", "a", "table", "b" }, seen)
  end)

  it("streams without callbacks where the request says so", function()
    local reply = assert(client:chat { model = streaming.model, message = "Hi", stream = true })
    assert.equal("stop", reply.choices[1].finish_reason)
    assert.is_true(core.decode(sim:journal()[1].body).stream)
  end)

  it("returns the error of a bad end, with what had arrived", function()
    sim:script { { cut_pieces = 3 } }
    local reply, err = client:chat(request, { on_text = function() end })
    assert.is_nil(reply)
    assert.equal("connection", err.kind)
    assert.equal("You", err.partial:text():sub(1, 3))
  end)

  it("returns the error of a status", function()
    sim:script { { status = 401 } }
    local reply, err = client:chat(request, { on_text = error })
    assert.is_nil(reply)
    assert.equal("authentication", err.kind)
  end)

  for _, name in ipairs { "on_text", "on_chunk" } do
    it("stops when " .. name .. " says enough, which is no failure", function()
      local calls = 0
      sim:script { { pace = 0.01 } }
      local reply, info = client:chat(request, { [name] = function()
        calls = calls + 1
        return calls < 3
      end })
      assert.equal(3, calls)
      assert.equal(200, info.status)
      assert.is_true(reply.incomplete)
      assert.is_nil(reply.choices[1].finish_reason)
      assert.equal(plain_text():sub(1, #reply:text()), reply:text())
      assert.is_true(streaming.entry().aborted)
    end)

    it("drops the connection at once when " .. name .. " raises", function()
      local thrown = { "anything" }
      sim:script { streaming.silent { streaming.chunk("a") } }
      local ok, raised = pcall(client.chat, client, request, {
        [name] = function() error(thrown) end,
      })
      assert.is_false(ok)
      assert.equal(thrown, raised)
      assert.is_true(streaming.entry().aborted)
      assert.is_truthy(client:chat(request))
    end)
  end

  it("says no text of a chunk that was enough", function()
    local texts = 0
    assert(client:chat(request, {
      on_chunk = function() return false end,
      on_text = function() texts = texts + 1 end,
    }))
    assert.equal(0, texts)
  end)

  it("is whole when enough comes with the last chunk", function()
    sim:script { { events = { streaming.chunk("all", "stop") } } }
    local reply = assert(client:chat(request, { on_text = function() return false end }))
    assert.equal("all", reply:text())
    assert.is_nil(reply.incomplete)
  end)
end)
