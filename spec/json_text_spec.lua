-- JSON that is not changed when it is read.

local json_text = require("novita.json_text")

describe("JSON that is read to be sent", function()
  it("is decoded", function()
    assert.are.same({ a = "é\240\159\152\128", b = { 1 } },
      json_text.decode('{"a":"é\\ud83d\\uDE00","b":[1]}'))
    assert.is_false((json_text.decode("false")))
    assert.are.equal("\\ud800", json_text.decode('"\\\\ud800"'))
    assert.are.equal("\\\240\159\152\128", json_text.decode('"\\\\\\ud83d\\ude00"'))
    assert.are.equal("\239\191\189", json_text.decode('"\\ufffd"'))
    assert.are.equal("\239\191\189", json_text.decode('"\239\191\189"'))
  end)

  it("is refused where it would be changed, with the place", function()
    for text, problem in pairs {
      ['{"a":"x","b":{"c":["Z\252rich"]}}'] = 'is not UTF-8 in "b"',
      ['{"a":"\237\160\128"}'] = 'is not UTF-8 in "a"', -- a surrogate as three bytes
      ['{"\252":1,"b":2}'] = "is not UTF-8", ['["\252"]'] = "is not UTF-8",
      ['{"a":"é","b":"\\ud800"}'] = 'has half of a surrogate pair in "b"',
      ['{"a":"\\udc00\\ud800"}'] = 'has half of a surrogate pair in "a"',
      ['{"a":"\\ud800\\ud83d\\ude00\\udc00"}'] = 'has half of a surrogate pair in "a"',
      ['{"a":"\\\\\\uDBFF"}'] = 'has half of a surrogate pair in "a"',
      ['{"\\ud800":"a"}'] = "has half of a surrogate pair",
      ['"\\ud800"'] = "has half of a surrogate pair",
    } do
      local value, why = json_text.decode(text)
      assert.are.same({ problem }, { value == nil and why }, text)
    end
    assert.is_truthy(select(2, json_text.decode("{")):find("^is not JSON: "))
  end)
end)
