-- Programs with luv, whose loop the calls to the shared simulator run in.

local assert = require("luassert")

local child = require("spec.support.child")
local simulator = require("spec.support.simulator_client")

local uv = {}

local PRELUDE = [[
  local uv, novita = require("luv"), require("novita")
  local loop = require("novita.loop.uv")
  local client = novita.new { base_url = %q, api_key = "sk_spec", loop = loop }
  local function ask(text) return { model = "simulator/echo", message = text } end
]]

--- Runs code that has `uv`, `novita`, `loop`, `client` and `ask`, to its end.
---@param code string
---@return string output, integer status
function uv.run(code)
  local output, _, status = child.run(PRELUDE:format(simulator.shared().url) .. code)
  return output, status
end

--- The code prints what is expected, and ends well.
---@param expected string
---@param code string
function uv.prints(expected, code)
  local output, status = uv.run(code)
  assert.are.equal(expected, output)
  assert.are.equal(0, status)
end

return uv
