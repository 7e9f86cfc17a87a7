-- The README's Lua blocks run as they stand, against the simulator.

local child = require("spec.support.child")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

describe("the README", function()
  local count = 0
  for block in files.read("README.md"):gmatch("```lua\n(.-)```") do
    count = count + 1
    it("has a block " .. count .. " that runs", function()
      simulator.shared():reset()
      local environment = {
        NOVITA_BASE_URL = simulator.shared().url, NOVITA_API_KEY = "sk_readme",
      }
      local output, how, status = child.run(block, environment)
      assert.are.same({ "exit", 0 }, { how, status }, output)
      assert.is_nil(output:find("nil", 1, true), output)
    end)
  end

  it("has blocks", function()
    assert.is_true(count >= 4)
  end)

  it("names files that exist", function()
    for path in files.read("README.md"):gmatch("%]%(([%w_/.]+)%)") do files.read(path) end
  end)
end)
