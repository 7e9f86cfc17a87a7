-- Reasoning in the parts of a stream.

local core = require("novita.core")

local assemble = require("novita.stream.accumulator")

-- The reply that a list of chunks makes; raises at a problem.
local function build(chunks)
  local assembler = assemble.new()
  for _, text in ipairs(chunks) do
    local problem = assembler:add(assert(core.decode(text)))
    if problem then error(problem, 0) end
  end
  return assembler:build()
end

-- Chunks of the first choice with these deltas, the last of which finishes.
local function deltas(list, reason)
  local chunks = {}
  for index, delta in ipairs(list) do
    chunks[index] = '{"choices":[{"index":0,"delta":' .. delta .. "}]}"
  end
  chunks[#chunks + 1] = '{"choices":[{"index":0,"delta":{},"finish_reason":"'
    .. (reason or "stop") .. '"}]}'
  return chunks
end

local function message(list)
  return build(deltas(list)).choices[1].message
end

describe("10.2 fields", function()
  it("reasoning stands for reasoning_content, which is preferred", function()
    assert.equal("ab", message { '{"reasoning":"a"}', '{"reasoning":"b"}' }.reasoning_content)
    local both = message { '{"reasoning":"a","reasoning_content":"A"}' }
    assert.equal("A", both.reasoning_content)
    assert.is_nil(both.reasoning)
  end)
end)
