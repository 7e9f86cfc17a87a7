-- Values of an unexpected type, whose meaning is plain, in the parts of a stream.

local core = require("novita.core")

local assemble = require("novita.stream.accumulator")

-- The message of a stream with these deltas.
local function message(deltas)
  local assembler = assemble.new()
  for _, delta in ipairs(deltas) do
    local text = '{"choices":[{"index":0,"delta":' .. delta .. "}]}"
    assert.is_nil(assembler:add(assert(core.decode(text))))
  end
  assert.is_nil(assembler:add(core.decode(
    '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')))
  return assembler:build().choices[1].message
end

describe("a text that a server sends as another type", function()
  it("is the text of that value", function()
    assert.are.equal("a 6true", message { '{"content":"a "}', '{"content":6}',
      '{"content":true}' }.content)
  end)

  it("is nothing where it is null", function()
    assert.are.equal("ab", message { '{"content":"a"}', '{"content":null}',
      '{"content":"b"}' }.content)
  end)
end)
