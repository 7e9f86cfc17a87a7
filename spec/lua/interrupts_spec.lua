-- Watches of SIGINT and SIGTERM as objects: each counts for itself until it is closed.

local core = require("novita.core")

local child = require("spec.support.child")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local sim = simulator.shared()

local PRELUDE = ([[
  local core, native = require("novita.core"), require("spec.support.native")
  local options = { base_url = %q, api_key = "sk_spec" }
  local request = { model = %q, message = "Hello" }
  local pid = native.pid()
  local function say(count) print(count) io.flush() end
]]):format(sim.url, wire.model)

local function prints(expected, code)
  local output, how, number = child.run(PRELUDE .. code)
  assert.are.same({ expected, "exit", 0 }, { output, how, number })
end

before_each(function() sim:reset() end)

describe("a watch of interrupts", function()
  it("may be one of many: each counts from its own beginning to its own end", function()
    prints("1 0\n2 1\n2 2\n2 2\ndefault\n", [[
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
