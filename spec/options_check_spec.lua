local options = require "novita.options"

local RULES = {
  count = options.integer(1),
  share = options.number(0, 1),
  seconds = options.number(0),
  mode = options.one_of { fast = true, slow = true },
  when = options.callable,
}

local function configure(given)
  options.check("thing", given, RULES)
end

describe("options.check", function()
  it("accepts what the rules allow", function()
    configure {}
    configure { count = 1, share = 0, seconds = math.huge, mode = "slow", when = print }
    configure { count = 3.0, share = 1, when = setmetatable({}, { __call = print }) }
  end)

  local refused = {
    { { count = 0 }, "thing.count: expected an integer >= 1, got 0" },
    { { count = 1.5 }, "thing.count: expected an integer >= 1, got 1.5" },
    { { count = "2" }, 'thing.count: expected an integer >= 1, got "2"' },
    { { count = math.huge }, "thing.count: expected an integer >= 1, got inf" },
    { { share = -0.5 }, "thing.share: expected a number from 0 to 1, got -0.5" },
    { { share = 1.5 }, "thing.share: expected a number from 0 to 1, got 1.5" },
    { { seconds = 0 / 0 }, "thing.seconds: expected a number >= 0, got " },
    { { seconds = true }, "thing.seconds: expected a number >= 0, got true" },
    { { mode = "medium" }, 'thing.mode: expected one of "fast", "slow", got "medium"' },
    { { mode = 1 }, 'thing.mode: expected one of "fast", "slow", got 1' },
    { { when = "now" }, 'thing.when: expected a function, got "now"' },
    { { whne = 1 }, "thing.whne: unknown option (1)" },
    { { [1] = "fast" }, 'thing.1: unknown option ("fast")' },
    { "fast", 'thing: expected a table of options, got "fast"' },
  }

  for _, case in ipairs(refused) do
    it("says " .. case[2], function()
      local ok, message = pcall(configure, case[1])
      assert.is_false(ok)
      assert.is_truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("blames the caller of the function that checks", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, message = pcall(function() configure { count = 0 } end)
    assert.is_false(ok)
    local place = "options_check_spec.lua:" .. line .. ": thing.count"
    assert.is_truthy(message:find(place, 1, true), message)
  end)
end)
