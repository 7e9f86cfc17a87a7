-- Decoding with lua-cjson: hooks that raise, and locales with a decimal comma.

local core = require("novita.core")

-- Run in an interpreter of its own: the locale belongs to the process.
local IN_LOCALE = [[
  local novita = require("novita")
  if os.getenv("LOAD_FIRST") then require("novita.core") end
  assert(os.setlocale("%s"))
  assert(jit or ("%%.1f"):format(1 / 2) == "0,5", "the locale has no decimal comma")
  local core = require("novita.core")
  local client = novita.new { base_url = os.getenv("SIM"), api_key = "sk_locale" }
  local function try()
    print(core.encode { 1 / 2, 1e-7, -49 / 4, 1e300, 3 })
    local list = assert(core.decode("[0.5,1e-7,-12.25,1.5e300,3]"))
    assert(list[1] == 1 / 2 and list[2] == 1e-7 and list[3] == -49 / 4 and list[4] == 15e299)
    assert(select(2, core.decode("[0.5,]")).kind == "invalid_response")
    print(client:chat { model = "m", message = 1 / 2, temperature = "0.7", top_p = 0.9 }.id)
    print((select(2, client:chat { model = "m", message = "Hi", temperature = "0,7" })))
  end
  try()
  assert(os.setlocale("C"))
  try()
]]

-- As Ctrl-C does in a script. Whatever the moment, it is no fault of the text.
it("a hook raises while JSON is read, and that is what is raised", function()
  for _, text in ipairs { '{"a":[1,{"b":null}]}', '{"a":' } do
    local expected = { core.decode(text) }
    for moment = 1, 4 do
      local calls = math.huge -- none is counted yet
      debug.sethook(function()
        calls = calls + 1
        if calls == moment then error("a hook", 0) end
      end, "c")
      local value, err
      local ok, raised = pcall(function()
        calls = 0
        value, err = core.decode(text)
        calls = math.huge
      end)
      debug.sethook()
      if ok then
        assert.same({ expected[1], tostring(expected[2]) }, { value, tostring(err) })
      else
        assert.equal("a hook", raised)
      end
    end
  end
end)

describe("a locale with a decimal comma", function()
  local locale = require("spec.support.locale")
  local child = require("spec.support.child")
  local talk = require("spec.support.client")

  for when, first in pairs { before = false, after = true } do
    it("set " .. when .. " loading the module changes nothing", function()
      local name, folder = locale.comma()
      if not name then return pending("no localedef of glibc") end
      talk.sim:reset()
      talk.sim:always { body = '{"id":"c-1","x":0.25,"choices":[{"message":{"content":"Hi"}}]}' }
      local output, _, status = child.run(IN_LOCALE:format(name), {
        SIM = talk.sim.url, LOCPATH = folder, LOAD_FIRST = first and "1",
        ASAN_OPTIONS = "detect_leaks=0", -- setlocale forgets the parts of LOCPATH
      })
      local once = "[0.5,1e-07,-12.25,1e+300,3]\nc-1\n"
        .. 'config: temperature: "0,7" is not a number\n'
      assert.are.equal(once .. once, output)
      assert.are.equal(0, status)
      for _, entry in ipairs(talk.sim:journal()) do
        assert.are.equal('{"model":"m","messages":[{"content":"0.5","role":"user"}],'
          .. '"temperature":0.7,"top_p":0.9}', entry.body)
      end
      assert.are.equal(2, #talk.sim:journal())
    end)
  end
end)
