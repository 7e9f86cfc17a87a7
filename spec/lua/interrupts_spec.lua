-- Watches of SIGINT and SIGTERM as objects: each counts for itself until it is closed.

local core = require("novita.core")

local interrupts = require("spec.support.interrupts")
local simulator = require("spec.support.simulator_client")

local sim = simulator.shared()

before_each(function() sim:reset() end)

describe("a watch of interrupts", function()
  it("may be one of many: each counts from its own beginning to its own end", function()
    interrupts.prints("1 0\n2 1\n2 2\n2 2\ndefault\n", [[
      local outer = core.interrupts()
      native.kill(pid, "INT")
      local inner = core.interrupts()
      local function show() print(outer:count() .. " " .. inner:count()) end
      show()
      native.kill(pid, "TERM")
      show()
      outer:close() -- in any order
      native.kill(pid, "TERM")
      show()
      inner:close()
      show()
      print(native.disposition("TERM"))
    ]])
  end)

  it("prints what it is, and is closed with its variable on Lua 5.4", function()
    local watch = core.interrupts()
    assert.are.equal("novita.watch (0)", tostring(watch))
    watch:close()
    assert.are.equal("novita.watch (closed)", tostring(watch))
    assert.is_function(getmetatable(watch).__close)
    assert.is_false(pcall(watch.count))
  end)
end)
