-- The iterators over a stream.

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
