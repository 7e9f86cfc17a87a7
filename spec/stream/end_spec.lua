-- An honest end: a stream that was not whole never looks whole, and says why.

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local chunk, finish = streaming.chunk, streaming.finish
local fails, succeeds = streaming.fails, streaming.succeeds
local sim

-- Two pieces of text, and then these.
local function after_text(...)
  return { events = { chunk("He"), chunk("llo"), ... }, done = false }
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
