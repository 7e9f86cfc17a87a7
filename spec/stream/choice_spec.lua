-- Choices of a reply, and their fields.

local assembling = require("spec.support.assembling")

local build = assembling.build

describe("10.2 fields", function()
  it("finish_reason: the last that is a text", function()
    local function reason(...)
      local chunks = {}
      for index, value in ipairs { ... } do
        chunks[index] = '{"choices":[{"index":0,"finish_reason":' .. value .. "}]}"
      end
      return build(chunks).choices[1].finish_reason
    end
    assert.equal("stop", reason('""', '"stop"', "null", '""'))
    assert.equal("tool_calls", reason('"stop"', '"tool_calls"'))
    assert.is_nil(reason('""', "null", "false"))
    assert.equal(0, reason('""', "0", "null")) -- kept, but no end
  end)

  it("logprobs: their lists grow", function()
    local part = '{"choices":[{"index":0,"logprobs":{"content":[{"token":"%s"}],"refusal":null}}]}'
    assert.same({ content = { { token = "a" }, { token = "b" } } },
      build({ part:format("a"), part:format("b"), '{"choices":[{"logprobs":null}]}' })
        .choices[1].logprobs)
    assert.same({ content = {} },
      build({ '{"choices":[{"logprobs":{"content":[]}}]}' }).choices[1].logprobs)
  end)

  it("of a choice that are unknown are kept", function()
    local reply = build { '{"choices":[{"index":0,"matched_stop":7,"delta":null}]}' }
    assert.equal(7, reply.choices[1].matched_stop)
  end)
end)
