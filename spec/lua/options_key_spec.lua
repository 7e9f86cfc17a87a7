-- Where the key of the environment may go: over plain http only to this machine, or to the server
-- that the environment names beside it.

local child = require("spec.support.child")
local talk = require("spec.support.client")

-- What a chat at this base_url comes to, with the key in the environment.
local function ask(base_url, more)
  local environment = { NOVITA_API_KEY = "sk_environment" }
  for name, value in pairs(more or {}) do environment[name] = value end
  return (child.run(([[
    local options = { base_url = %s, retry = "none", connect_timeout = 0.05, deadline = 0.2,
      proxy = "", %s }
    local reply, err = require("novita").chat({ model = "m", message = "x" }, options)
    print(reply and "answered" or err.kind, reply and "" or tostring(err.param),
      reply and "" or err.message)
  ]]):format(base_url and ("%q"):format(base_url) or "nil", environment.options or ""),
    environment))
end

local port = talk.sim.url:match(":(%d+)")

describe("the key of the environment", function()
  for _, host in ipairs { "127.0.0.1", "localhost", "LocalHost", "127.1.2.3" } do
    it("goes over plain http to " .. host, function()
      local said = ask(("http://%s:%s/openai/v1"):format(host, port))
      assert.is_nil(said:find("config", 1, true), said)
    end)
  end

  it("goes over plain http to ::1", function()
    assert.is_nil(ask("http://[::1]:1/v1"):find("config", 1, true))
  end)

  for _, url in ipairs { "http://192.0.2.1/v1", "http://model.example/v1", "HTTP://192.0.2.1:80",
    "http://127.example/v1", "http://127.0.0.1.example:8080/v1", "http://localhost.example/v1",
    "http://[2001:db8::1]/v1", "http://0.0.0.0/v1", "http://128.0.0.1/v1", "http://127.1/v1" } do
    it("goes not over plain http to " .. url, function()
      assert.are.equal("config\tapi_key\tapi_key: NOVITA_API_KEY is sent over plain http only to "
        .. "this machine or to NOVITA_BASE_URL: pass api_key\n", ask(url))
    end)
  end

  it("goes where NOVITA_BASE_URL says", function()
    local url = "http://192.0.2.1/v1"
    assert.is_nil(ask(nil, { NOVITA_BASE_URL = url }):find("config", 1, true))
    assert.is_nil(ask(url, { NOVITA_BASE_URL = url }):find("config", 1, true))
    assert.is_truthy(ask("http://192.0.2.2/v1", { NOVITA_BASE_URL = url }):find("^config\tapi_key"))
  end)

  it("goes over https to any machine", function()
    assert.is_nil(ask("https://192.0.2.1/v1"):find("config", 1, true))
  end)

  for what, options in pairs { ["a key is given"] = "api_key = 'sk_given'",
    ["none is to be sent"] = "api_key = false",
    ["a header has one"] = "headers = { Authorization = 'Bearer x' }" } do
    it("does not matter where " .. what, function()
      assert.is_nil(ask("http://192.0.2.1/v1", { options = options }):find("config", 1, true))
    end)
  end
end)
