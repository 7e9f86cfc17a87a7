-- JSON as novita writes and reads it: core.encode and core.decode.

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

-- What comes back: members that are null are absent.
local function without_nulls(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, item in pairs(value) do
    if type(name) == "number" or item ~= core.null then copy[name] = without_nulls(item) end
  end
  return copy
end

describe("what is written", function()
  it("is read back the same, whatever it is", function()
    local random = generator(20261123)
    for _ = 1, 2000 do
      local value = random_value(random, 4)
      local text = assert(core.encode(value))
      local again, err = core.decode(text)
      assert.is_nil(err)
      assert.are.same(without_nulls(value), again)
    end
  end)

  it("is written the same again", function()
    local random = generator(42)
    for _ = 1, 500 do
      local text = assert(core.encode(without_nulls(random_list(random, 4))))
      assert.are.equal(text, core.encode(assert(core.decode(text))))
    end
  end)
end)
