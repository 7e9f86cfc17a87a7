-- What core.decode accepts and refuses.

local core = require("novita.core")

describe("what is read", function()
  it("may be a single value", function()
    assert.are.equal("60", tostring(core.decode("60")))
    assert.are.equal("60", tostring(core.decode(" 60.0\r\n\t")))
    assert.are.equal("a", core.decode('"a"'))
    assert.are.equal(core.null, core.decode("null"))
    assert.is_false(core.decode("false"))
  end)

  local refused = {
    "", " ", "\239\187\191", "[", "]", "[]]", "{]", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]",
    "{,}", '{"a"}', '{"a":}', '{"a":1,}', '{"a" 1}', "{1:1}", "{a:1}", "{'a':1}", '{"a":1}}',
    "tru", "True", "truefalse", "nul", "NaN", "nan", "-nan", "Infinity", "-Infinity", "inf",
    "+1", "++1", "-", "--1", "- 1", "01", "-01", "00", ".5", "-.5", "1.", "-1.", "1.e3", "1.5.5",
    "0x10", "0X1", "1e", "1e+", "1.0e-", "1eE2", "1_000", "1,5", "1a", "[1.]", '{"a":2.}',
    '"', '"a', "'a'", '"\\"', '"\\x41"', '"\\u12"', '"\\u00zz"', '"\\U0041"', '"\\a"', '"a\tb"',
    '"a\nb"', '"a\0b"', '"\\ud83', '"\\ud83d\\u"', "\0", "1\0", "\v1", "\f1", "\194\1601", "1 2",
    "// x\n1", "/* */1", "#", "<html>", "[1]x", '{"a":1}{"b":2}',
  }
  for _, text in ipairs(refused) do
    it(("is not %q"):format(text), function()
      local value, err = core.decode(text)
      assert.is_nil(value)
      assert.are.equal("invalid_response", err.kind)
    end)
  end

  it("must be a string", function()
    assert.is_false(pcall(core.decode))
    assert.is_false(pcall(core.decode, {}))
  end)
end)
