-- Programs that watch their interrupts while they call the shared simulator.

local assert = require("luassert")

local child = require("spec.support.child")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local interrupts = {}

local PRELUDE = [[
  local core, native = require("novita.core"), require("spec.support.native")
  local options = { base_url = %q, api_key = "sk_spec" }
  local request = { model = %q, message = "Hello" }
  local pid = native.pid()
  native.default("HUP") -- which nohup ignores
  local function say(count) print(count) io.flush() end
]]

--- A program of code that has `core`, `native`, `options`, `request`, `pid` and `say`.
---@param code string
---@return string
function interrupts.program(code)
  return PRELUDE:format(simulator.shared().url, wire.model) .. code
end

--- The program prints what is expected, and ends well.
---@param expected string
---@param code string
function interrupts.prints(expected, code)
  local output, how, number = child.run(interrupts.program(code))
  assert.are.same({ expected, "exit", 0 }, { output, how, number })
end

return interrupts
