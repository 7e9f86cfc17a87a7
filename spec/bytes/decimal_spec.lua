-- Numbers as JSON writes them: as few digits as give the same number back.

local core = require("novita.core")
local generator = require("spec.support.random")

local CHARACTERS = { "a", "Z", " ", '"', "\\", "/", "\0", "\n", "\t", "\31", "\127", "\194\128",
  "\195\164", "\223\191", "\224\160\128", "\226\128\168", "\237\159\191", "\238\128\128",
  "\239\191\189", "\239\191\191", "\240\144\128\128", "\240\159\152\128", "\244\143\191\191" }

local function random_text(random)
  local parts = {}
  for index = 1, random(12) - 1 do parts[index] = CHARACTERS[random(#CHARACTERS)] end
  return table.concat(parts)
end

local function random_number(random)
  local x = ((random(2 ^ 30) - 1) * 2 ^ 23 + random(2 ^ 23) - 1) * (random(2) == 1 and 1 or -1)
  if random(2) == 1 then return x end
  return x * 2 ^ (random(600) - 301) / random(1000)
end

local random_value

local function random_list(random, depth)
  local list = {}
  for index = 1, random(5) do list[index] = random_value(random, depth - 1) end
  return list
end

local function random_object(random, depth)
  local object = {}
  for _ = 1, random(5) - 1 do object[random_text(random)] = random_value(random, depth - 1) end
  return object
end

local makers = {
  random_text, random_number,
  function(random) return random(2) == 1 end,
  function() return core.null end,
  random_list, random_object,
}

function random_value(random, depth)
  return makers[random(depth > 0 and 6 or 3)](random, depth)
end

local function shortest(x)
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(x)
    if tonumber(text) == x then return text end
  end
end

local function digits_of(number)
  return (number:gsub("e.*", ""):gsub("%D", ""):gsub("^0+", ""):gsub("0+$", ""))
end

describe("what is written", function()
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
