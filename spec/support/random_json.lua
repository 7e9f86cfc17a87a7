-- Random values that JSON can write, for the specs of what is written and read back.
--
--   local random = require("spec.support.random")(7)
--   core.encode(random_json.value(random, 3))        nested up to three deep

local core = require("novita.core")

local random_json = {}

local CHARACTERS = { "a", "Z", " ", '"', "\\", "/", "\0", "\n", "\t", "\31", "\127", "\194\128",
  "\195\164", "\223\191", "\224\160\128", "\226\128\168", "\237\159\191", "\238\128\128",
  "\239\191\189", "\239\191\191", "\240\144\128\128", "\240\159\152\128", "\244\143\191\191" }

local function text(random)
  local parts = {}
  for index = 1, random(12) - 1 do parts[index] = CHARACTERS[random(#CHARACTERS)] end
  return table.concat(parts)
end

local function number(random)
  local x = ((random(2 ^ 30) - 1) * 2 ^ 23 + random(2 ^ 23) - 1) * (random(2) == 1 and 1 or -1)
  if random(2) == 1 then return x end
  return x * 2 ^ (random(600) - 301) / random(1000)
end

--- A list of one to five values.
function random_json.list(random, depth)
  local list = {}
  for index = 1, random(5) do list[index] = random_json.value(random, depth - 1) end
  return list
end

local function object(random, depth)
  local made = {}
  for _ = 1, random(5) - 1 do made[text(random)] = random_json.value(random, depth - 1) end
  return made
end

local makers = {
  text, number,
  function(random) return random(2) == 1 end,
  function() return core.null end,
  random_json.list, object,
}

--- A text, a number, a boolean, null, or, where depth is left, a list or an object of values.
function random_json.value(random, depth)
  return makers[random(depth > 0 and 6 or 3)](random, depth)
end

return random_json
