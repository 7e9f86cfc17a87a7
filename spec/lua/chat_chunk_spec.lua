-- The events of a chat: an error that the server sends in a stream.

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local chunk, finish = streaming.chunk, streaming.finish
local fails = streaming.fails
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
