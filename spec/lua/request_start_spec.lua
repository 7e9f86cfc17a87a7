-- The start of a request: its headers and its body.

local talk = require("spec.support.client")

describe("a chat request", function()
  it("is a POST of JSON with the key and a name for the program", function()
    local body, entry = talk.sends(talk.request())
    assert.are.equal("POST", entry.method)
    assert.are.equal("/openai/v1/chat/completions", entry.path)
    assert.are.equal("application/json", entry.header["content-type"])
    assert.are.equal(tostring(#body), entry.header["content-length"])
    assert.are.equal("Bearer " .. talk.KEY, entry.header.authorization)
    assert.is_truthy(entry.header["user-agent"]:find("^novita%-lua/[%d.]+$"))
    assert.is_nil(entry.header.expect)
  end)

  it("is sent without waiting for a 100, large or small", function()
    for _, size in ipairs { 500 * 1024, 520 * 1024, 1100 * 1024 } do
      local body, entry = talk.sends(talk.request { message = ("x"):rep(size) })
      assert.is_true(#body > size)
      assert.is_nil(entry.header.expect)
    end
  end)
end)
