-- The content of a message, as a text and as a list of parts.

local assembling = require("spec.support.assembling")

local message = assembling.message

describe("content in parts", function()
  it("is the text of its text parts, joined", function()
    assert.are.equal("abc", message { '{"content":[{"type":"text","text":"a"}]}',
      '{"content":[{"type":"text","text":"b"},{"type":"text","text":"c"}]}' }.content)
  end)

  it("has the thinking parts as reasoning_content", function()
    local found = message { '{"content":[{"type":"thinking","thinking":"hm"}]}',
      '{"content":"yes"}' }
    assert.are.same({ "hm", "yes" }, { found.reasoning_content, found.content })
  end)

  it("stays a list where another part stands in it", function()
    local found = message {
      '{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}}]}' }
    assert.are.equal("table", type(found.content))
    assert.are.equal("a", found.content[1].text)
    assert.are.equal("u", found.content[2].image_url.url)
  end)
end)
