-- Streamed text completions add up to the plain answer.

local talk = require("spec.support.client")

before_each(function() talk.sim:reset() end)

describe("a completion", function()
  it("that is streamed adds up to the same", function()
    local fields = { prompt = { "one two", "three" }, max_tokens = 5 }
    local plain = talk.completes(nil, fields)
    fields.stream = true
    local stream, none = talk.completes(nil, fields)
    assert.is_nil(none)
    local reply, info = stream:reply()
    assert.are.same(plain, reply)
    assert.are.equal(200, info.status)
  end)

  it("gives its text as it comes", function()
    local pieces = {}
    for text in talk.completes(nil, { stream = true }):text() do pieces[#pieces + 1] = text end
    assert.are.same({ "one", " two", " three" }, pieces)
    local told = {}
    local function tell(text) told[#told + 1] = text end
    local answer = assert(talk.completes(nil, {}, { on_text = tell }))
    assert.are.same({ pieces, "one two three" }, { told, answer.choices[1].text })
    answer = assert(talk.completes(nil, {}, { on_text = function() return false end }))
    assert.are.same({ "one", true }, { answer.choices[1].text, answer.incomplete })
  end)
end)
