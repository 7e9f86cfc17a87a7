-- Numbers as JSON writes them: as few digits as give the same number back.

local core = require("novita.core")
local generator = require("spec.support.random")

local function shortest(x)
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(x)
    if tonumber(text) == x then return text end
  end
end

local function digits_of(number)
  return (number:gsub("e.*", ""):gsub("%D", ""):gsub("^0+", ""):gsub("0+$", ""))
end

describe("core.encode", function()
  it("writes a number with as few digits as give the same one back", function()
    local random = generator(11)
    for _ = 1, 20000 do
      local x = (random(2 ^ 30) - 2 ^ 29) / 10 ^ (random(12) - 1)
      local text = core.encode(x)
      assert.are.equal(x, core.decode(text))
      assert.are.equal(digits_of(shortest(x)), digits_of(text))
    end
    for text, x in pairs { ["0.7"] = 0.7, ["-0.001"] = -0.001, ["1e-05"] = 1e-5, ["0.1"] = 1e-1,
      ["0.3333333333333333"] = 1 / 3, ["1e+300"] = 1e300, ["0.30000000000000004"] = 0.1 + 0.2,
      ["1234567.25"] = 1234567.25, ["999999999.999999"] = 999999999.999999 } do
      assert.are.equal(text, core.encode(x))
    end
  end)
end)
