-- TLS, seen through curl.

local ask = require("spec.support.simulator_http")
local simulator = require("spec.support.simulator_client")

describe("the simulator with TLS", function()
  local secure

  setup(function() secure = simulator.start { tls = true } end)
  teardown(function() secure:stop() end)
  before_each(function() secure:reset() end)

  local function get(arguments)
    return ask.curl("-v --cacert " .. secure.ca_file .. " " .. arguments .. " " .. secure.tls_url
      .. "/models/tencent/hy3")
  end

  it("is trusted by its own CA only", function()
    local text = get("")
    assert.is_truthy(text:find('"id":"tencent/hy3"', 1, true), text)
    assert.is_truthy(text:find("server accepted http/1.1", 1, true), text)
    assert.is_true(secure:journal()[1].tls)
    assert.is_truthy(ask.curl(secure.tls_url):find("curl: (60)", 1, true))
  end)

  it("is localhost too", function()
    local port = secure.tls_url:match(":(%d+)")
    local text = ask.curl("--cacert " .. secure.ca_file .. " https://localhost:" .. port
      .. "/openai/v1/models/tencent/hy3 --resolve localhost:" .. port .. ":127.0.0.1")
    assert.is_truthy(text:find('"id":"tencent/hy3"', 1, true), text)
  end)

  it("breaks as scripts say", function()
    secure:script { { cut = 5, ending = "reset" }, { cut = 5 }, { content_length = false },
      { body = "abc", chunked = true, piece = 1 } }
    assert.is_truthy(get(""):find("curl: (56)", 1, true))
    local code = get(""):match("curl: %((%d+)%)")
    assert.is_true(code == "18" or code == "56", code) -- cut: the body, or what ends TLS
    assert.is_truthy(get(""):find('"id":"tencent/hy3"', 1, true)) -- whole
    assert.is_truthy(get("-N"):find("abc", 1, true))
  end)

  it("can fail in the handshake", function()
    secure:connections { { when = "accept", ending = "close" },
      { when = "accept", ending = "stall" }, { when = "accept", bytes = "not TLS at all" } }
    assert.is_truthy(get(""):find("curl: (35)", 1, true))
    assert.is_truthy(get("-m 0.05"):find("curl: (28)", 1, true))
    assert.is_truthy(get(""):find("curl: (35)", 1, true))
  end)

  it("notices that a client left", function()
    secure:always { cut = 5, ending = "stall" }
    assert.is_truthy(get("--max-filesize 5"):find("curl: (63)", 1, true))
    assert.is_truthy(secure:wait_for(function(entries) return entries[1].aborted end))
  end)

  it("can be another host, or out of date", function()
    local other = simulator.start { tls = true, tls_host = "api.novita.ai" }
    local text = ask.curl("--cacert " .. other.ca_file .. " " .. other.tls_url .. "/models")
    assert.is_truthy(text:find("curl: (60)", 1, true), text)
    other:stop()
    local expired = simulator.start { tls = true, tls_expired = true }
    text = ask.curl("--cacert " .. expired.ca_file .. " " .. expired.tls_url .. "/models")
    assert.is_truthy(text:find("expired", 1, true), text)
    expired:stop()
    assert.is_nil(io.open(expired.ca_file))
  end)
end)
