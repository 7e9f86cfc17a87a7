-- Reasoning in the parts of a stream.

local assembling = require("spec.support.assembling")

local message = assembling.message

describe("10.2 fields of reasoning:", function()
  it("reasoning stands for reasoning_content, which is preferred", function()
    assert.equal("ab", message { '{"reasoning":"a"}', '{"reasoning":"b"}' }.reasoning_content)
    local both = message { '{"reasoning":"a","reasoning_content":"A"}' }
    assert.equal("A", both.reasoning_content)
    assert.is_nil(both.reasoning)
  end)
end)
