-- core.ascii: the bytes of a text that are ASCII.

local core = require("novita.core")

describe("core.ascii", function()
  it("counts the bytes below 128", function()
    for text, count in pairs {
      [""] = 0, ["a\0b"] = 3, ["\127\128\255"] = 1, ["\195\169t\195\169"] = 1,
      [("x"):rep(1000) .. "\228\184\173"] = 1000,
    } do
      assert.are.equal(count, core.ascii(text))
    end
  end)

  it("raises for what is no string", function()
    for _, value in ipairs { 1, true, {} } do
      assert.has_error(function() core.ascii(value) end)
    end
  end)
end)
