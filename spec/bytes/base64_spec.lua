-- Base64: RFC 4648, and texts that are cut, or are none.

local core = require("novita.core")

local floats = require("spec.support.floats")

-- RFC 4648, section 10, and bytes above 127.
local TEXTS = {
  [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=",
  foobar = "Zm9vYmFy", ["\255\0\254"] = "/wD+", ["\251\239"] = "++8=",
}

describe("core.base64", function()
  it("writes the text for bytes", function()
    for bytes, text in pairs(TEXTS) do assert.are.equal(text, core.base64(bytes)) end
  end)

  it("writes long ones", function()
    local text = core.base64(("\0\1\2"):rep(1000000))
    assert.are.equal(4000000, #text)
    assert.are.equal(("AAEC"):rep(1000000), text)
  end)
end)

describe("core.floats", function()
  it("refuses a text that is cut at any byte, but behind whole numbers", function()
    local text, numbers = floats.vector()
    for length = 1, #text - 1 do
      local found, problem = core.floats(text:sub(1, length))
      if length % 16 == 0 then
        local whole = {}
        for index = 1, length / 16 * 3 do whole[index] = numbers[index] end
        assert.are.same(whole, found)
      else
        assert.is_nil(found)
        assert.are.equal(length % 4 == 0 and "has a length that is not a multiple of 4 bytes"
          or "is not base64", problem)
      end
    end
  end)

  it("refuses what is not base64, wherever it is", function()
    local text = core.base64("\0\0\128\63\0\0\0\192\0\0\128\62")
    for place = 1, #text do
      for _, wrong in ipairs { "-", "_", " ", "\n", "\0", "\200", "." } do
        local found, problem = core.floats(text:sub(1, place - 1) .. wrong .. text:sub(place + 1))
        assert.are.same({ nil, "is not base64" }, { found, problem })
      end
    end
  end)

  it("refuses padding that is wrong, and bits that belong to no byte", function()
    local wrong = { "AAAA=", "AAA=AAAA", "AAAAAA=A", "AAAA====", "AAAAAB==", "AAAAAAAAAAB=" }
    for _, text in ipairs(wrong) do
      assert.is_nil(core.floats(text))
    end
    assert.are.same({ 0 }, core.floats("AAAAAA=="))
  end)
end)
