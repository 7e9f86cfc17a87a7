-- Streamed text completions add up to the plain answer.

local talk = require("spec.support.client")

before_each(function() talk.sim:reset() end)

local function asks(step, fields, options)
  if step then talk.sim:script { step } end
  local request = { model = talk.MODEL, prompt = "one two three" }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client(options):completions(request)
end

describe("a completion", function()
  it("that is streamed adds up to the same", function()
    local fields = { prompt = { "one two", "three" }, max_tokens = 5 }
    local plain = asks(nil, fields)
    fields.stream = true
    local stream, none = asks(nil, fields)
    assert.is_nil(none)
    local reply, info = stream:reply()
    assert.are.same(plain, reply)
    assert.are.equal(200, info.status)
  end)

  it("gives its text as it comes", function()
    local pieces = {}
    for text in asks(nil, { stream = true }):text() do pieces[#pieces + 1] = text end
    assert.are.same({ "one", " two", " three" }, pieces)
    local told = {}
    local answer = assert(asks(nil, {}, { on_text = function(text) told[#told + 1] = text end }))
    assert.are.same({ pieces, "one two three" }, { told, answer.choices[1].text })
    answer = assert(asks(nil, {}, { on_text = function() return false end }))
    assert.are.same({ "one", true }, { answer.choices[1].text, answer.incomplete })
  end)
end)
