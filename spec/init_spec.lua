-- The Lua module: its public names, without the C module.

local child = require("spec.support.child")
local simulator = require("spec.support.simulator_client")

local FOLDER = "build/loader"
local CPATH = os.getenv("LUA_CPATH")

-- Runs code where the Lua files are copies, with no C module on the path but cjson.
local function run(code, cpath)
  return (child.run(code, {
    LUA_PATH = FOLDER .. "/lua/?.lua;" .. FOLDER .. "/lua/?/init.lua;;",
    LUA_CPATH = (cpath or "/nonexistent/?.so") .. ";;",
  }))
end

describe("the C module", function()
  before_each(function()
    os.execute(("rm -rf %s && mkdir -p %s/lua %s/other/novita && cp -r lua/novita %s/lua && "
      .. "rm -f %s/lua/novita/*.so"):format(FOLDER, FOLDER, FOLDER, FOLDER, FOLDER))
  end)

  teardown(function() os.execute("rm -rf " .. FOLDER) end)

  it("is not loaded by the Lua module alone", function()
    assert.are.equal("nil\tnil\ttable\n", run("local novita = require('novita') "
      .. "print(package.loaded['novita.core'], package.loaded['novita.client'], type(novita))"))
    assert.are.equal("0.1.0\ttable\n", run("local novita = require('novita') "
      .. "print(novita.version, type(package.loaded['novita.core']))", CPATH))
  end)

  it("works where a program forbids unknown globals, new ones too", function()
    assert.are.equal("Hi Hi Hi", child.run([[
      setmetatable(_G, {
        __index = function(_, name) error("no global " .. name, 2) end,
        __newindex = function(_, name) error("a new global " .. name, 2) end,
      })
      local novita = require("novita")
      local request = { model = "simulator/echo", message = "Hi" }
      io.write(tostring(novita.chat(request)), " ", tostring(novita.stream(request):reply()), " ")
      novita.start(request, { on_done = function(reply) io.write(tostring(reply)) end })
      novita.run()]], { NOVITA_BASE_URL = simulator.shared().url, NOVITA_API_KEY = "sk_spec" }))
  end)
end)
