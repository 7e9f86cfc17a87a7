-- The README's Lua blocks run as they stand, against the simulator.

local simulator = require("spec.support.sim")

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function run(code)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(code)
  file:close()
  local command = "NOVITA_BASE_URL='%s' NOVITA_API_KEY=sk_readme %s '%s' 2>&1; echo $?"
  local pipe = assert(io.popen(command:format(simulator.shared().url,
    os.getenv("NOVITA_LUA") or "lua5.4", path)))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(path)
  return output:match("^(.-)(%d+)\n$")
end

describe("the README", function()
  local count = 0
  for block in read("README.md"):gmatch("```lua\n(.-)```") do
    count = count + 1
    it("has a block " .. count .. " that runs", function()
      simulator.shared():reset()
      local output, status = run(block)
      assert.are.equal("0", status, output)
      assert.is_nil(output:find("nil", 1, true), output)
    end)
  end

  it("has blocks", function()
    assert.is_true(count >= 4)
  end)

  it("names files that exist", function()
    for path in read("README.md"):gmatch("%]%(([%w_/.]+)%)") do read(path) end
  end)
end)
