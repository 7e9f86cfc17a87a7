-- UTF-8: what is well-formed is kept, all else is refused where it is sent and replaced where it
-- is received.

local core = require("novita.core")

local GOOD = { "", "a", "\127", "\194\128", "\223\191", "\224\160\128", "\237\159\191",
  "\238\128\128", "\239\191\191", "\240\144\128\128", "\244\143\191\191" }
-- Overlong, a surrogate, beyond U+10FFFF, cut short, a continuation alone.
local BAD = { "\192\128", "\224\159\191", "\240\143\191\191", "\237\160\128", "\244\144\128\128",
  "\226\130", "\128", "\255" }

describe("UTF-8", function()
  it("is kept both ways", function()
    for _, text in ipairs(GOOD) do
      assert.are.same({ text }, core.decode(assert(core.encode { text })))
    end
  end)

  it("that is ill-formed is not sent", function()
    for _, text in ipairs(BAD) do
      local json, err = core.encode { "x" .. text .. "y" }
      assert.is_nil(json)
      assert.are.equal("config", err.kind)
    end
  end)

  it("that is ill-formed is replaced where it is received", function()
    for _, text in ipairs(BAD) do
      local value = assert(core.decode('["x' .. text .. 'y"]'))[1]
      assert.is_truthy(value:find("^x[\239\191\189]+y$"), value)
    end
  end)
end)
