-- The Lua module: its public names, without the C module.

local child = require("spec.support.child")
local loader = require("spec.support.loader")
local simulator = require("spec.support.simulator_client")

local CPATH = loader.CPATH

describe("the C module", function()
  loader.with()

  it("is not loaded by the Lua module alone", function()
    assert.are.equal("nil\tnil\ttable\n", loader.run("local novita = require('novita') "
      .. "print(package.loaded['novita.core'], package.loaded['novita.client'], type(novita))"))
    assert.are.equal("0.1.0\ttable\n", loader.run("local novita = require('novita') "
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
