-- JSON as novita writes it.

local core = require("novita.core")

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

describe("what is written", function()
  it("may be a single value", function()
    assert.are.equal("60", core.encode(60))
    assert.are.equal('"a"', core.encode("a"))
    assert.are.equal("null", core.encode(core.null))
    assert.are.equal("{}", core.encode {})
    assert.are.equal("[]", core.encode(core.array {}))
  end)

  it("must be possible to write", function()
    local text, err = core.encode(print)
    assert.is_nil(text)
    assert.are.equal("config: a function can't be sent", tostring(err))
    assert.is_nil(err.param)
    assert.is_false(pcall(core.encode))
    assert.is_false(pcall(core.array, 5))
  end)
end)
