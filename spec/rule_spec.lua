local rule = require("novita.rule")

local RULES = {
  count = rule.integer(1),
  share = rule.number(0, 1),
  seconds = rule.number(0),
  mode = rule.one_of { fast = true, slow = true },
  when = rule.callable,
}

local function configure(given)
  rule.check("thing", given, RULES)
end

describe("rule.check", function()
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
    { { count = 1e20 }, "thing.count: expected an integer >= 1, got 1e+20" },
    { { share = -0.5 }, "thing.share: expected a number from 0 to 1, got -0.5" },
    { { share = 1.5 }, "thing.share: expected a number from 0 to 1, got 1.5" },
    { { seconds = 0 / 0 }, "thing.seconds: expected a number >= 0, got " },
    { { seconds = true }, "thing.seconds: expected a number >= 0, got true" },
    { { mode = "medium" }, 'thing.mode: expected one of "fast", "slow", got "medium"' },
    { { mode = 1 }, 'thing.mode: expected one of "fast", "slow", got 1' },
    { { when = "now" }, 'thing.when: expected a function, got "now"' },
    { { whne = 1 }, 'thing.whne: unknown option; did you mean "when"?' },
    { { [1] = "fast" }, "thing.1: unknown option" },
    { "fast", 'thing: expected a table of options, got "fast"' },
  }

  for _, case in ipairs(refused) do
    it("says " .. case[2], function()
      local ok, message = pcall(configure, case[1])
      assert.is_false(ok)
      assert.is_truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("blames the nearest line that is not of the library", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, message = pcall(function() rule.check("thing", { count = 0 }, RULES) end)
    assert.is_false(ok)
    local place = "rule_spec.lua:" .. line .. ": thing.count"
    assert.is_truthy(message:find(place, 1, true), message)
  end)
end)
