-- What errors say so that they can be mended: attempts, URLs, deadlines, keys in nginx.

local core = require("novita.core")
local novita = require("novita")

local talk = require("spec.support.client")
local tries = require("spec.support.attempts")

describe("a printed error", function()
  local function printed(attempts)
    return tostring(core.error { kind = "server", status = 503, message = "busy",
      request_id = "r1", attempts = attempts })
  end

  it("tells attempts and their time, if there were several", function()
    assert.are.equal("server 503: busy (request r1)", printed(nil))
    assert.are.equal("server 503: busy (request r1)", printed { { seconds = 3 } })
    assert.are.equal("server 503: busy (2 attempts in 80 ms) (request r1)",
      printed { { seconds = 0.02, delay = 0.05 }, { seconds = 0.01 } })
    assert.are.equal("server 503: busy (2 attempts in 1.5 s) (request r1)",
      printed { { seconds = 0.25, delay = 1 }, { seconds = 0.25 } })
    assert.are.equal("server 503: busy (3 attempts in 13 s) (request r1)",
      printed { { seconds = 0, delay = 12 }, { seconds = 0.5, delay = 0.2 }, { seconds = 0 } })
    assert.are.equal("server 503: busy (2 attempts in 0 ms) (request r1)", printed { "x", {} })
  end)

  it("of a call is one line", function()
    local text = tostring(tries.chat({ always = { status = 503 } }).err)
    assert.is_truthy(text:find(" %(5 attempts in %d+%.?%d* s%)"), text)
    assert.is_nil(text:find("\n"))
  end)
end)

describe("a 404", function()
  it("names the URL that was asked", function()
    local err = talk.fails({ status = 404, body = "no such page" })
    assert.is_truthy(err.message:find("no such page", 1, true))
    local url = " (at " .. talk.sim.url .. "/chat/completions)"
    assert.is_truthy(err.message:find(url, 1, true), err.message)
    talk.sim:reset()
    talk.sim:script { { status = 404 } }
    err = select(2, talk.client():models())
    assert.is_truthy(err.message:find("(at " .. talk.sim.url .. "/models)", 1, true), err.message)
  end)
end)

describe("a base_url that ends in /chat/completions", function()
  for _, ending in ipairs { "/chat/completions", "/chat/completions/", "//chat/completions//" } do
    it("counts without it: " .. ending, function()
      local url = talk.sim.url .. ending
      if ending:sub(1, 2) ~= "//" then
        local _, entry = talk.sends(nil, { base_url = url })
        assert.are.equal("/openai/v1/chat/completions", entry.path)
        assert.is_truthy(talk.client({ base_url = url }):models())
      end
    end)
  end

  it("is no host", function()
    assert.are.equal("http://chat/completions/models",
      core.url("/models", { base_url = "http://chat/completions" }))
    assert.are.equal("http://h/models", core.url("/models", { base_url = "http://h/" }))
    assert.are.equal("http://h/models",
      core.url("/models", { base_url = "http://h/chat/completions" }))
  end)
end)

describe("a deadline", function()
  it("is named as it was given, in a stream too", function()
    local outcome = tries.stream({ { pace = 0.05 } }, { deadline = 0.08 },
      talk.request { message = "one two three four five six" })
    local _, err = outcome.reply:reply()
    assert.are.equal("the deadline of 0.08 s has passed", err.message)
  end)
end)

describe("a key that is missing in a worker of nginx", function()
  local explain = require("novita.error_hint")

  it("is told to be named in nginx.conf", function()
    local getenv, err = os.getenv, core.error {
      kind = "config", param = "api_key", message = "api_key: is missing" }
    rawset(_G, "ngx", {})
    os.getenv = function() end -- luacheck: ignore 122
    explain.complete(err, { wire = {} }, {}, "/models")
    os.getenv = getenv -- luacheck: ignore 122
    rawset(_G, "ngx", nil)
    assert.is_truthy(err.message:find("`env NOVITA_API_KEY;`", 1, true))
  end)
end)

describe("novita.json", function()
  local json = novita.json

  it("writes and reads JSON", function()
    assert.are.equal('{"a":[],"b":[1,null]}',
      json.encode { a = novita.array {}, b = { 1, novita.null } })
    assert.are.same({ a = { 1, "x" } }, json.decode('{"a":[1,"x"],"b":null}'))
  end)

  it("returns nil and an error on failure", function()
    local text, err = json.encode { f = print }
    assert.is_nil(text)
    assert.are.equal("config", err.kind)
    local value
    value, err = json.decode("{")
    assert.is_nil(value)
    assert.are.equal("invalid_response", err.kind)
  end)
end)
