-- An honest end: a stream that was not whole never looks whole, and says why.

local simulator = require("spec.support.sim")
local streaming = require("spec.support.streaming")

local chunk, finish = streaming.chunk, streaming.finish
local fails, succeeds = streaming.fails, streaming.succeeds
local sim

-- Two pieces of text, and then these.
local function after_text(...)
  return { events = { chunk("He"), chunk("llo"), ... }, done = false }
end

-- An error after the text, which is there.
local function fails_after_text(...)
  local err = fails(after_text(...))
  assert.equal("Hello", err.partial:text())
  assert.is_true(err.partial.incomplete)
  assert.equal(200, err.status)
  assert.equal(32, #err.request_id)
  assert.equal(1, #sim:journal())
  return err
end

describe("a good end", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  for _, reason in ipairs { "stop", "length", "tool_calls", "content_filter", "eos" } do
    it("has the finish reason " .. reason, function()
      local reply = succeeds(after_text(finish(reason), "[DONE]"))
      assert.equal(reason, reply.choices[1].finish_reason)
      assert.is_nil(reply.incomplete)
    end)
  end

  it("need not be said twice: the finish reason is enough", function()
    local reply = succeeds(after_text(finish("stop")))
    assert.equal("Hello", reply:text())
  end)

  it("may come without chunked framing", function()
    local step = after_text(finish("stop"), "[DONE]")
    step.version = "1.0"
    assert.equal("Hello", succeeds(step):text())
  end)

  it("is not hindered by error = null", function()
    local reply = succeeds { events = { '{"error":null,"choices":[{"index":0,"delta":'
      .. '{"content":"Hi"},"finish_reason":"stop"}]}' } }
    assert.equal("Hi", reply:text())
  end)

  it("is not hindered by keep-alives", function()
    local reply = succeeds(after_text({ raw = ": OPENROUTER PROCESSING\n\n" },
      { raw = "event: ping\n\n" }, { raw = "data:\n\n" }, { raw = "data:  \n\n" },
      { raw = "id: 7\nretry: 10\n\n" }, { raw = "\n\n\n" }, finish("stop"), "[DONE]"))
    assert.equal("Hello", reply:text())
  end)
end)

describe("an error of the server in a stream", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local function says(step)
    local err = fails(step)
    assert.equal("stream_error", err.kind)
    assert.equal("stream", err.phase)
    assert.is_truthy(err.partial)
    assert.equal(1, #sim:journal())
    return err
  end

  it("comes in the gateway's envelope", function()
    local err = says { mid_error = "A" }
    assert.equal("internal error", err.message)
    assert.equal(500, err.code)
    assert.equal("INTERNAL_ERROR", err.reason)
  end)

  it("comes in the relay's envelope", function()
    local err = says { mid_error = { envelope = "B", status = 429 } }
    assert.equal("server overload, please try again later", err.message)
    assert.equal("server_overload", err.type)
  end)

  it("comes in OpenAI's envelope, whatever follows", function()
    local err = says { mid_error = "C", done = true }
    assert.equal("internal error", err.message)
    assert.equal("invalid_request_error", err.type)
    assert.equal(500, err.code)
  end)

  local shapes = {
    { "an error that is a text", '{"error":"out of luck"}' },
    { "an error with choices", '{"choices":[{"index":0,"delta":{}}],"error":{"message":'
      .. '"out of luck"}}' },
    { "a flat object", '{"object":"error","message":"out of luck","code":400}' },
    { "an event of that name, nested", { raw = 'event: error\ndata: {"error":{"message":'
      .. '"out of luck"}}\n\n' } },
    { "an event of that name, flat", { raw = 'event: error\ndata: {"message":'
      .. '"out of luck"}\n\n' } },
    { "an event of that name, a text", { raw = 'event: error\ndata: "out of luck"\n\n' } },
    { "an event of that name, in words", { raw = "event: error\ndata: out of luck\n\n" } },
    { "a field of that name", { raw = 'error: {"code":500,"message":"out of luck"}\n\n' } },
  }
  for _, shape in ipairs(shapes) do
    it("is known as " .. shape[1], function()
      local err = fails_after_text(shape[2], finish("stop"), "[DONE]")
      assert.equal("stream_error", err.kind)
      assert.equal("out of luck", err.message)
    end)
  end

  for _, data in ipairs { "data: null\n", "data: 17\n", "data:\n", "", "data: {}\n",
    "data: [DONE]\n" } do
    it("is known as an event of that name with " .. data:gsub("\n", ""), function()
      local err = fails_after_text({ raw = "event: error\n" .. data .. "\n" }, finish("stop"))
      assert.equal("stream_error", err.kind)
      assert.not_equal("", err.message)
    end)
  end

  it("is one too without a message", function()
    assert.equal("stream_error", fails_after_text('{"object":"error","code":400}').kind)
    sim:reset()
    assert.equal("stream_error", fails_after_text('{"error":{}}').kind)
  end)

  for _, event in ipairs { '{"error":{"message":"bad key sk_very_secret"}}',
    { raw = "event: error\ndata: bad key sk_very_secret\n\n" } } do
    for _, split in ipairs { 1, 1000 } do
      it("never shows the key, in pieces of " .. split .. " bytes", function()
        local err = fails({ events = { event }, split = split }, { api_key = "sk_very_secret" })
        assert.equal("bad key **************", err.message)
      end)
    end
  end
end)

describe("a truncated stream", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local function truncated(step)
    local err = fails(step)
    assert.equal("stream_truncated", err.kind)
    assert.equal("stream", err.phase)
    assert.equal(200, err.status)
    return err
  end

  it("ends without a finish reason", function()
    assert.equal("Hello", truncated(after_text()).partial:text())
  end)

  it("ends so in spite of [DONE]", function()
    assert.equal("Hello", truncated(after_text("[DONE]")).partial:text())
  end)

  it("has an empty finish reason, or one that is no text", function()
    assert.equal("Hello", truncated(after_text(finish(""), "[DONE]")).partial:text())
    for _, value in ipairs { "null", "false", "0", "{}" } do
      local odd = '{"choices":[{"index":0,"delta":{},"finish_reason":' .. value .. "}]}"
      truncated(after_text(odd, "[DONE]"))
    end
  end)

  it("lacks the finish reason of one choice", function()
    local other = '{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":null}]}'
    local err = truncated(after_text(other, finish("stop"), "[DONE]"))
    assert.equal("stop", err.partial.choices[1].finish_reason)
    assert.is_nil(err.partial.choices[2].finish_reason)
    assert.is_true(err.partial.incomplete)
  end)

  it("has nothing in it", function()
    for _, events in ipairs { {}, { { raw = ": hello\n\n: still here\n\n" } }, { "[DONE]" },
      { { raw = "event: ping\n\n" } }, { '{"choices":[],"usage":{"total_tokens":3}}', "[DONE]" },
      { { raw = "<html><body>Welcome</body></html>" } } } do
      assert.is_nil(truncated({ events = events, done = false }).partial)
    end
  end)

  it("ends in the middle of an event", function()
    local err = truncated { events = { chunk("a"), { raw = "data: " .. chunk("b", "stop") } },
      done = false }
    assert.equal("a", err.partial:text())
  end)
end)

describe("the loop forms", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  for _, form in ipairs { "chunks", "text" } do
    it("raise the error as " .. form .. "()", function()
      local stream = streaming.open(after_text('{"error":{"message":"no"}}'))
      local count = 0
      local ok, err = pcall(function()
        for _ in stream[form](stream) do count = count + 1 end
      end)
      assert.is_false(ok)
      assert.equal(2, count)
      assert.equal("stream_error", err.kind)
      assert.equal("Hello", err.partial:text())
      assert.equal(err, select(2, stream:next()))
      assert.equal(err, select(2, stream:reply()))
      assert.equal("novita.stream (stream_error)", tostring(stream))
    end)
  end
end)
