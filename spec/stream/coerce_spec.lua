-- Values of an unexpected type, whose meaning is plain, in the parts of a stream.

local assembling = require("spec.support.assembling")

local message = assembling.message

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
