-- JSON as novita writes and reads it: core.encode and core.decode.

local core = require("novita.core")
local generator = require("spec.support.random")
local random_json = require("spec.support.random_json")

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
      local value = random_json.value(random, 4)
      local text = assert(core.encode(value))
      local again, err = core.decode(text)
      assert.is_nil(err)
      assert.are.same(without_nulls(value), again)
    end
  end)

  it("is written the same again", function()
    local random = generator(42)
    for _ = 1, 500 do
      local text = assert(core.encode(without_nulls(random_json.list(random, 4))))
      assert.are.equal(text, core.encode(assert(core.decode(text))))
    end
  end)
end)
