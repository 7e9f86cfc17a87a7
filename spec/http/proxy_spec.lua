-- The option proxy: the simulator takes the part of the proxy.

local simulator = require("spec.support.simulator_client")
local child = require("spec.support.child")
local files = require("spec.support.files")
local talk = require("spec.support.client")

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

  it("that repeats its password brings that into no error, whoever has named it", function()
    local proxy = PROXY:gsub("//", "//user:s3cret%%3Dpassword@")
    local step = { status = 407, body = "Basic dXNlcjpzM2NyZXQ9cGFzc3dvcmQ=, or s3cret=password" }
    local _, err = through({ proxy = proxy }, step)
    assert.are.equal(407, err.status)
    talk.sim:script { step }
    local output = child.run(([[
      local options = { base_url = %q, api_key = "sk_spec", retry = "none" }
      local _, err = require("novita").chat({ model = "m", message = "x" }, options)
      print(err, err.body)
    ]]):format(TARGET), { http_proxy = proxy })
    for _, text in ipairs { tostring(err), err.body, output } do
      assert.is_truthy(text:find("407") or text == err.body, text)
      assert.is_nil(text:find("s3cret", 1, true), text)
      assert.is_nil(text:find("zM2NyZXQ9cGFzc3dvcm", 1, true), text)
    end
  end)

  it("of an https server does not see the key", function()
    local reply, err, entries = through({ proxy = PROXY, base_url = "https://novita.test/v1" },
      { status = 403, body = "" })
    assert.is_nil(reply)
    assert.are.equal("connection", err.kind)
    assert.are.equal("proxy", err.reason)
    assert.are.equal(403, err.proxy_status)
    assert.is_nil(err.status)
    assert.are.equal("CONNECT", entries[1].method)
    assert.are.equal("novita.test:443", entries[1].path)
    assert.is_nil(entries[1].header.authorization)
    assert.are.equal("", entries[1].body)
  end)

  it("that refuses the login is not asked again; one that fails is", function()
    for status, attempts in pairs { [407] = 1, [502] = 3 } do
      local _, err, entries = through({
        proxy = PROXY, base_url = "https://novita.test/v1",
        retry = { attempts = 3, initial_delay = 0 },
      }, { status = status, body = "", uses = 9 })
      assert.are.equal(status, err.proxy_status)
      assert.are.equal(attempts, #err.attempts)
      assert.are.equal(attempts, #entries)
    end
  end)

  it("that does not listen is a connection error", function()
    local refused = simulator.refused():match("^http://([^/]+)")
    local reply, err = through { proxy = "http://user:s3cret@" .. refused }
    assert.is_nil(reply)
    assert.are.equal("connection", err.kind)
    assert.is_nil((tostring(err) .. err.cause.message):find("s3cret", 1, true))
  end)

  it("of https is trusted with its proxy_ca_file, and only by calls that have it", function()
    local secure = talk.sim.tls_url:match("^https://[^/]+")
    for _ = 1, 2 do
      local reply = assert(through { proxy = secure, proxy_ca_file = talk.sim.ca_file })
      assert.are.equal("Hi", tostring(reply))
      local _, err = through { proxy = secure, ca_file = talk.sim.ca_file }
      assert.are.equal("tls", err.reason)
      assert.are.equal(1, #err.attempts)
    end
  end)

  it("of https has a proxy_ca_file that is a PEM file", function()
    local empty, fifo = os.tmpname(), files.fifo()
    for _, path in ipairs { "/nowhere/ca.pem", "/", empty, "README.md", "/dev/zero", fifo } do
      local err = talk.refuses(nil, { proxy = PROXY, proxy_ca_file = path })
      assert.are.equal("config", err.kind)
      assert.are.equal("proxy_ca_file", err.param)
      assert.is_truthy(err.message:find(path, 1, true), err.message)
    end
  end)

  it("of https has a proxy_ca_file with certificates in it, and so has the server", function()
    local secure, broken = talk.sim.tls_url:match("^https://[^/]+"), os.tmpname()
    files.write(broken, files.BROKEN_PEM)
    for name, options in pairs {
      proxy_ca_file = { proxy = secure, proxy_ca_file = broken, ca_file = talk.sim.ca_file },
      ca_file = { base_url = talk.sim.tls_url, ca_file = broken, proxy_ca_file = talk.sim.ca_file },
    } do
      local _, err = through(options)
      assert.are.equal("config", err.kind)
      assert.are.equal(name, err.param)
      assert.is_truthy(err.message:find(broken, 1, true), err.message)
    end
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

  it("of https is trusted with the certificates in the folder that SSL_CERT_DIR names", function()
    local environment = {
      http_proxy = talk.sim.tls_url:match("^https://[^/]+"), CURL_CA_BUNDLE = "",
      SSL_CERT_FILE = "", SSL_CERT_DIR = files.hashed(talk.sim.ca_file),
    }
    talk.sim:reset()
    talk.sim:script { ANSWER }
    local output = child.run(CODE:format(TARGET, "nil"), environment)
    assert.are.equal("Hi\ttable", output:sub(1, 8))
    environment.SSL_CERT_DIR = ""
    output = child.run(CODE:format(TARGET, "nil"), environment)
    assert.are.equal("nil\tconnection", output:sub(1, 14))
  end)

  it("is not used where proxy is an empty string", function()
    talk.sim:reset()
    local output = child.run(CODE:format(talk.sim.url, '""'),
      { http_proxy = simulator.refused():match("^http://[^/]+") })
    assert.are.equal("Hi\ttable", output:sub(1, 8))
    assert.are.equal("/openai/v1/chat/completions", talk.sim:journal()[1].path)
  end)
end)
