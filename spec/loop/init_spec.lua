-- The loop that the code runs in, and what it offers: run.

local child = require("spec.support.child")
local simulator = require("spec.support.simulator_client")

local sim = simulator.shared()

local PRELUDE = ([[
  local uv, novita = require("luv"), require("novita")
  local loop = require("novita.loop.uv")
  local client = novita.new { base_url = %q, api_key = "sk_spec", loop = loop }
  local function ask(text) return { model = "simulator/echo", message = text } end
]]):format(sim.url)

local function run(code)
  local output, _, status = child.run(PRELUDE .. code)
  return output, status
end

describe("with luv", function()
  before_each(function() sim:reset() end)

  it("loop.run raises the error of a task", function()
    local output, status = run [[
      loop.spawn(function() loop.sleep(0.01) error("oh no") end)
      print(pcall(loop.run))
    ]]
    assert.are.equal(0, status)
    assert.is_truthy(output:find("^false\t.*oh no"), output)
  end)
end)
