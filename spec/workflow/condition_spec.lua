-- Conditions of steps: when and unless.

local novita = require("novita")

local flows = require("spec.support.flows")

local function start(steps, trigger, options)
  return assert(flows.flow(steps, options):start(trigger))
end

describe("a condition", function()
  flows.with()

  -- Is a step with this condition made?
  local function holds(wanted, name)
    local record = start({
      { name = "made", [name or "when"] = wanted, run = function() return true end },
    }, { yes = true, no = false, empty = "", text = "x", zero = 0, five = 5, list = { 1 },
      none = novita.array {} })
    return record.result == true
  end

  it("is the truth of a text", function()
    for text, truth in pairs {
      ["{{trigger.yes}}"] = true, ["{{trigger.text}}"] = true, ["{{trigger.zero}}"] = true,
      ["{{trigger.list}}"] = true, ["always"] = true, ["{{trigger.no}}"] = false,
      ["{{trigger.empty}}"] = false, ["{{trigger.missing}}"] = false,
      ["{{trigger.none}}"] = false, [""] = false,
    } do
      assert.equal(truth, holds(text), text)
      assert.equal(not truth, holds(text, "unless"), text)
    end
    assert.is_true(holds(true))
    assert.is_false(holds(false))
  end)

  it("is that all members are equal, a list any of them", function()
    assert.is_true(holds { ["trigger.text"] = "x", ["{{trigger.yes}}"] = true })
    assert.is_false(holds { ["trigger.text"] = "x", ["trigger.yes"] = false })
    assert.is_true(holds { ["trigger.text"] = { "w", "x" } })
    assert.is_false(holds { ["trigger.text"] = { "w", "y" } })
    assert.is_true(holds { ["trigger.five"] = "5", ["trigger.text | upper"] = "X" })
    assert.is_true(holds { ["trigger.text"] = "{{trigger.text}}" })
    assert.is_false(holds { ["trigger.missing"] = "x" })
  end)

  it("is one of a list", function()
    assert.is_true(holds { "{{trigger.no}}", { ["trigger.text"] = "x" } })
    assert.is_false(holds { "{{trigger.no}}", { ["trigger.text"] = "y" } })
  end)

  it("pauses the run where it can't be known", function()
    local record = start({ { name = "a", when = "{{trigger.x | join}}", run = print } }, { x = 1 })
    assert.equal("a", record.failed_step)
    assert.is_truthy(record.error.message:find("is not a list", 1, true))
  end)
end)
