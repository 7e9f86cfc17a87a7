-- The option proxy: the simulator takes the part of the proxy.

local simulator = require("spec.support.sim")
local child = require("spec.support.child")
local talk = require("spec.support.talk")

local PROXY = talk.sim.url:match("^http://[^/]+")
local TARGET = "http://novita.test/openai/v1"
local ANSWER = { body = talk.completion('"Hi"') }

-- One call through a proxy; returns what it gave and what the proxy saw.
local function through(options, step)
  talk.sim:reset()
  talk.sim:script { step or ANSWER }
  options.base_url = options.base_url or TARGET
  local reply, info = talk.client(options):chat(talk.request())
  return reply, info, talk.sim:journal()
end

describe("a proxy", function()
  it("gets the whole URL, and carries the answer back", function()
    local reply, _, entries = through { proxy = PROXY }
    assert.are.equal("Hi", tostring(reply))
    assert.are.equal(TARGET .. "/chat/completions", entries[1].path)
    assert.are.equal("novita.test", entries[1].header.host)
    assert.is_nil(entries[1].header["proxy-authorization"])
  end)

  it("gets its own password, and the server's key", function()
    local _, _, entries = through { proxy = PROXY:gsub("//", "//user:s3cretpw@") }
    assert.are.equal("Basic dXNlcjpzM2NyZXRwdw==", entries[1].header["proxy-authorization"])
    assert.are.equal("Bearer " .. talk.KEY, entries[1].header.authorization)
  end)

  it("of an https server does not see the key", function()
    local reply, err, entries = through({ proxy = PROXY, base_url = "https://novita.test/v1" },
      { status = 403, body = "" })
    assert.is_nil(reply)
    assert.are.equal("connection", err.kind)
    assert.are.equal("CONNECT", entries[1].method)
    assert.are.equal("novita.test:443", entries[1].path)
    assert.is_nil(entries[1].header.authorization)
    assert.are.equal("", entries[1].body)
  end)

  it("that does not listen is a connection error", function()
    local refused = simulator.refused():match("^http://([^/]+)")
    local reply, err = through { proxy = "http://user:s3cret@" .. refused }
    assert.is_nil(reply)
    assert.are.equal("connection", err.kind)
    assert.is_nil((tostring(err) .. err.cause.message):find("s3cret", 1, true))
  end)

  for _, proxy in ipairs { "nonsense://user:s3cret@host", "http://user:s3cret@host:99999",
    "http://user:s3 cret@host", "http://user:s3cret" .. ("x"):rep(400) .. "@host:0:0" } do
    it("that libcurl does not know is a config error: " .. proxy:sub(1, 30), function()
      local reply, err = through { proxy = proxy }
      assert.is_nil(reply)
      assert.are.equal("config", err.kind)
      assert.are.equal("proxy", err.param)
      assert.is_nil((tostring(err) .. err.message):find("s3", 1, true))
      assert.is_nil(err.cause)
    end)
  end

  it("is a text on one line", function()
    for _, value in ipairs { "http://s3cret\n", 12, true, {} } do
      local err = talk.refuses(nil, { proxy = value })
      assert.are.equal("proxy", err.param)
      assert.is_nil(err.message:find("s3cret", 1, true))
    end
  end)
end)

describe("the environment's proxy", function()
  local CODE = [[
    local client = require("novita").new { base_url = "%s", api_key = "sk_x", proxy = %s }
    print(client:chat { model = "simulator/echo", message = "Hi" })
  ]]

  it("is used", function()
    talk.sim:reset()
    talk.sim:script { ANSWER }
    local output = child.run(CODE:format(TARGET, "nil"), { http_proxy = PROXY })
    assert.are.equal("Hi\ttable", output:sub(1, 8))
    assert.are.equal(TARGET .. "/chat/completions", talk.sim:journal()[1].path)
  end)

  it("is not used where proxy is an empty string", function()
    talk.sim:reset()
    local output = child.run(CODE:format(talk.sim.url, '""'),
      { http_proxy = simulator.refused():match("^http://[^/]+") })
    assert.are.equal("Hi\ttable", output:sub(1, 8))
    assert.are.equal("/openai/v1/chat/completions", talk.sim:journal()[1].path)
  end)
end)
