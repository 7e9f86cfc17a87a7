-- The configuration of doc/nginx.md: its location answers as it stands.

local files = require("spec.support.files")
local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()

describe("#nginx: doc/nginx.md", function()
  local block = files.read("doc/nginx.md"):match("\n```nginx\n(.-)\n```")
  local server

  setup(function()
    sim:reset()
    server = nginx.start {
      environment = { NOVITA_BASE_URL = sim.url, NOVITA_API_KEY = "sk_page" },
      http = block:match("\n%s*(lua_shared_dict [^;]+;)"),
      server = block:match("\n  server {\n(.-)\n  }"),
    }
  end)

  teardown(function()
    assert.same({ 0 }, (server:stop()))
  end)

  it("passes the key on", function()
    assert.is_truthy(block:find("\nenv NOVITA_API_KEY;") or block:find("^env NOVITA_API_KEY;"))
  end)

  it("has a location that relays an answer", function()
    local status, body = server:get("/ask")
    assert.equal(200, status)
    assert.is_truthy(body:find('You asked: "Hello"', 1, true), body)
    assert.equal("Bearer sk_page", sim:journal()[1].header.authorization)
  end)
end)
