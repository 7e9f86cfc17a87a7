-- The options of a call: what each may be, and what it does on the wire.

local novita = require("novita")

local child = require("spec.support.child")
local talk = require("spec.support.client")

describe("api_key", function()
  local bad = {
    { "", "is empty" }, { " ", "has a blank in it" }, { "sk s3cret", "has a blank in it" },
    { "Bearer s3cret", "has a blank in it" }, { "s3cret\n", "has a control character in it" },
    { "s3cret\r\nX-Admin: 1", "has a control character in it" },
    { "s3cret\0x", "has a control character in it" },
    { "s3cret\226\128\139", "has a character in it that is not ASCII" },
    { "s3cret\255", "has a character in it that is not ASCII" },
    { 12345678, "is not a string" }, { true, "is not a string" },
    { { "s3cret" }, "is not a string" },
  }
  for _, case in ipairs(bad) do
    it(("can't be %q, and is not shown"):format(tostring(case[1])), function()
      local err = talk.refuses_options { api_key = case[1] }
      assert.are.equal("api_key", err.param)
      assert.are.equal("api_key: the value " .. case[2], err.message)
    end)
  end

  it("of false sends none", function()
    assert.is_nil(select(2, talk.sends(nil, { api_key = false })).header.authorization)
  end)

  it("is missing without a word of the environment", function()
    local output = child.run([[
      local reply, err = require("novita").chat { model = "m", message = "Hi" }
      print(reply, err.param, err)
    ]])
    assert.is_truthy(output:find("^nil\tapi_key\tconfig: api_key: is missing: .*NOVITA_API_KEY"))
  end)
end)

describe("an option", function()
  it("that does not exist is a mistake that raises, where it was made", function()
    local client = talk.client()
    local calls = {
      function(options) local reply = client:chat(talk.request(), options) return reply end,
      function(options) local list = client:models(options) return list end,
    }
    for _, call in ipairs(calls) do
      for name, shown in pairs { temprature = "temprature", [1] = "1" } do
        local ok, err = pcall(call, { [name] = 1 })
        assert.is_false(ok)
        assert.is_truthy(err:find("options_spec.lua:%d+: options%." .. shown .. ": unknown option"),
          err)
      end
      local ok, err = pcall(call, 5)
      assert.is_false(ok)
      assert.is_truthy(err:find("options_spec.lua:%d+: options: expected a table, got a number"),
        err)
    end
  end)

  it("that does not exist raises in the plain functions too", function()
    local function chat(options) novita.chat(talk.request(), options) end
    for _, call in ipairs { novita.new, chat } do
      local ok, err = pcall(call, { temprature = 1 })
      assert.is_false(ok)
      assert.is_truthy(err:find("options.temprature: unknown option", 1, true))
    end
  end)
end)
