-- The iterators over a stream.

local inside = require("spec.support.inside")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local chunk = streaming.chunk
local sim

local function after_text(...)
  return { events = { chunk("He"), chunk("llo"), ... }, done = false }
end

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

describe("next_text", function()
  it("gives one text after the other, and passes over chunks without any", function()
    local stream = streaming.open { events = {
      streaming.delta { role = "assistant" }, streaming.delta { reasoning_content = "hm" },
      chunk("a"), chunk("b"), streaming.delta { reasoning_content = "hm" }, chunk("c"),
      streaming.finish("stop"),
    } }
    for _, text in ipairs { "a", "b", "c" } do
      assert.equal(text, (stream:next_text()))
      assert.equal(text, stream.said)
    end
    assert.same({}, { stream:next_text() })
    assert.equal("hmhm", stream:reply().choices[1].message.reasoning_content)
  end)

  it("gives false when the time is up, though chunks without text come", function()
    local thoughts = {}
    for index = 1, 40 do thoughts[index] = streaming.delta { reasoning_content = "hm" } end
    local stream = streaming.open { events = thoughts, pace = 0.05, done = false }
    local text
    local seconds = streaming.took(function() text = stream:next_text(0.2) end)
    assert.is_false(text)
    assert.is_true(seconds >= 0.2 and seconds < 0.2 + 5 * streaming.slack, seconds)
    stream:cancel()
    assert.equal("cancelled", select(2, stream:next_text()).kind)
  end)

  it("can be mixed with next", function()
    local stream = streaming.open { events = {
      chunk("a"), chunk("b"), chunk("c"), chunk("d"), streaming.finish("stop"),
    } }
    assert.equal("a", (stream:next_text()))
    assert.equal("b", stream:next().choices[1].delta.content)
    assert.equal("c", (stream:next_text()))
    assert.equal("d", stream:next().choices[1].delta.content)
    assert.equal("abcd", stream:reply():text())
  end)

  it("loses no text where a hook reads the stream between two steps of it", function()
    local events, texts, inner = {}, {}, {}
    for index = 1, 60 do events[index] = chunk(("%02d "):format(index)) end
    events[#events + 1] = streaming.finish("stop")
    local stream = streaming.open { events = events }
    local times = inside.hooks(function()
      local ok, text = pcall(stream.next_text, stream, 0)
      if ok and text then inner[#inner + 1] = text end
    end, function()
      for text in function() return stream:next_text() end do texts[#texts + 1] = text end
    end)
    assert.is_true(times > 10)
    for _, text in ipairs(inner) do texts[#texts + 1] = text end
    table.sort(texts)
    assert.equal(stream:reply():text(), table.concat(texts))
  end)

  it("gives the error of the stream, and raises for what is no time", function()
    local stream = streaming.open(after_text('{"error":{"message":"no"}}'))
    assert.equal("He", (stream:next_text()))
    assert.equal("llo", (stream:next_text()))
    assert.equal("stream_error", select(2, stream:next_text()).kind)
    for _, odd in ipairs { -1, "1", 0 / 0 } do
      assert.has_error(function() stream:next_text(odd) end)
    end
  end)
end)
