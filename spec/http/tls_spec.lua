-- TLS: whoever can't prove to be the server gets no byte of the request. And proxies, which must
-- not get more than they need.

local core = require("novita.core")
local novita = require("novita")

local child = require("spec.support.child")
local files = require("spec.support.files")
local native = require("spec.support.native")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local WHOLE = '{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'

local sim

setup(function() sim = simulator.start { tls = true } end)
teardown(function() sim:stop() end)
before_each(function() sim:reset() end)

local function ask(options)
  local all = { base_url = sim.tls_url, api_key = "sk_spec", deadline = 5 }
  for name, value in pairs(options or {}) do all[name] = value end
  return core.chat(wire.request, all)
end

-- The call fails before a byte of the request is out.
local function refuses(server, options)
  local requests = #server:journal()
  local reply, err = ask(options)
  assert.is_nil(reply)
  assert.are.equal("connection", err.kind)
  assert.are.equal("tls", err.reason)
  assert.are.equal("connect", err.phase)
  assert.is_nil(err.status)
  assert.are.equal(requests, #server:journal())
  return err
end

describe("a server", function()
  it("whose certificate nobody vouches for is refused", function()
    local err = refuses(sim)
    assert.is_truthy(err.message:find("certificate", 1, true))
    assert.are.equal(60, err.cause.code)
  end)

  it("whose certificate is rejected is not asked again", function()
    local options = {
      base_url = sim.tls_url, api_key = "sk_spec", retry = { attempts = 3, initial_delay = 0 },
    }
    local _, err = novita.chat(wire.request, options)
    assert.are.equal("tls", err.reason)
    assert.are.equal(1, #err.attempts)
  end)

  it("that wants a certificate of the client's is not asked again", function()
    local strict = simulator.start { tls = true, tls_client = true }
    local before = strict:stats().accepted
    local _, err = novita.chat(wire.request, {
      base_url = strict.tls_url, ca_file = strict.ca_file, api_key = "sk_spec",
      retry = { attempts = 3, initial_delay = 0 },
    })
    assert.are.equal("connection", err.kind)
    assert.are.equal("tls", err.reason)
    assert.is_truthy(err.message:find("certificate required", 1, true), err.message)
    assert.are.equal(1, #err.attempts)
    assert.are.equal(before + 1, strict:stats().accepted)
    assert.are.same({}, strict:journal())
    strict:stop()
  end)

  it("is refused by every way to call it", function()
    local options = { base_url = sim.tls_url, api_key = "sk_spec", retry = "none" }
    assert.are.equal("tls", select(2, novita.chat(wire.request, options)).reason)
    assert.are.equal("tls", select(2, novita.models(options)).reason)
    assert.are.equal("tls", select(2, novita.new(options):chat(wire.request)).reason)
    assert.are.equal(0, #sim:journal())
  end)

  for _, name in ipairs { "CURL_CA_BUNDLE", "SSL_CERT_FILE" } do
    it("is accepted with the certificates that " .. name .. " names", function()
      local code = ("local reply, err = chat { base_url = %q } io.write(tostring(reply ~= nil))")
        :format(sim.tls_url)
      local environment = { CURL_CA_BUNDLE = "", SSL_CERT_FILE = "" }
      assert.are.equal("false", wire.run(code, environment))
      environment[name] = sim.ca_file
      assert.are.equal("true", wire.run(code, environment))
    end)
  end

  for name, other in pairs { CURL_CA_BUNDLE = "SSL_CERT_FILE", SSL_CERT_FILE = "CURL_CA_BUNDLE" } do
    it("is not asked where the file of " .. name .. " can't be used, which is said", function()
      local broken, fifo = os.tmpname(), files.fifo()
      files.write(broken, files.BROKEN_PEM)
      local code = ("print(select(2, chat { base_url = %q }))"):format(sim.tls_url)
      for _, path in ipairs { broken, fifo, "/no/such/file.pem", "/" } do
        local output = wire.run(code, { [name] = path, [other] = "" })
        assert.are.equal("config: ca_file: ", output:sub(1, 17))
        assert.is_truthy(output:find(path, 1, true), output)
        assert.is_truthy(output:find("(from " .. name .. ")", 1, true), output)
      end
      assert.are.equal(0, #sim:journal())
    end)
  end

  it("without TLS needs no certificates, whatever the environment names", function()
    local code = ("io.write(tostring(chat { base_url = %q } ~= nil))"):format(sim.url)
    assert.are.equal("true", wire.run(code, { SSL_CERT_FILE = "/no/such/file.pem" }))
  end)

  it("is accepted with the certificates in the folder that SSL_CERT_DIR names", function()
    local folder = files.hashed(sim.ca_file)
    local code = ("local reply, err = chat { base_url = %q } io.write(tostring(reply ~= nil))")
      :format(sim.tls_url)
    local environment = { CURL_CA_BUNDLE = "", SSL_CERT_FILE = "", SSL_CERT_DIR = folder }
    assert.are.equal("true", wire.run(code, environment))
    environment.SSL_CERT_DIR = ""
    assert.are.equal("false", wire.run(code, environment))
  end)

  -- Debian has such a folder, and the bundle is over 200 KB.
  it("is judged by the system's folder of hashed names, without a look at the bundle", function()
    local output = wire.run(([[
      local function bytes_read()
        local file = assert(io.open("/proc/self/io"))
        local count = tonumber(file:read("*a"):match("rchar: (%%d+)"))
        file:close()
        return count
      end
      select(2, chat { base_url = %q })
      local before = bytes_read()
      local err = select(2, chat { base_url = %q })
      io.write(bytes_read() - before, " ", err.reason)
    ]]):format(sim.url:gsub(":%%d+", ":1"), sim.tls_url), {
      CURL_CA_BUNDLE = "", SSL_CERT_FILE = "", SSL_CERT_DIR = "",
    })
    local count, reason = output:match("^(%d+) (%a+)$")
    assert.are.equal("tls", reason, output)
    assert.is_true(tonumber(count) < 50000, output)
  end)

  it("is accepted with its ca_file", function()
    local reply, info = assert(ask { ca_file = sim.ca_file })
    assert.is_string(reply:text())
    assert.is_true(info.timings.tls > info.timings.connect)
    assert.is_true(info.timings.tls < info.timings.first_byte)
    assert.is_true(sim:journal()[1].tls)
    assert.is_true(select(2, ask { ca_file = sim.ca_file }).reused)
  end)

  it("is accepted by one call, not by the next without ca_file", function()
    assert(ask { ca_file = sim.ca_file })
    refuses(sim)
    assert(ask { ca_file = sim.ca_file })
    local stranger = simulator.start { tls = true }
    refuses(sim, { ca_file = stranger.ca_file })
    stranger:stop()
    local pool = core.pool()
    local options = { base_url = sim.tls_url, api_key = "sk_spec", ca_file = sim.ca_file }
    local with = pool:chat(wire.request, options)
    options.ca_file = nil
    local without = pool:chat(wire.request, options)
    repeat until pool:poll(10) == 0 or (pool:ready() and false)
    assert.is_table(with:reply())
    assert.are.equal("tls", select(2, without:reply()).reason)
  end)

  it("with another name is refused", function()
    local other = simulator.start { tls = true, tls_host = "other.test" }
    local err = refuses(other, { base_url = other.tls_url, ca_file = other.ca_file })
    assert.is_truthy(err.message:find("127.0.0.1", 1, true), err.message)
    other:stop()
  end)

  it("with a certificate out of date is refused", function()
    local old = simulator.start { tls = true, tls_expired = true }
    local err = refuses(old, { base_url = old.tls_url, ca_file = old.ca_file })
    assert.is_truthy(err.message:find("expired", 1, true), err.message)
    old:stop()
  end)

  it("that does not speak TLS is refused", function()
    sim:connections { { bytes = "SSH-2.0-x\r\n", ending = "close" } }
    refuses(sim, { base_url = sim.url:gsub("^http:", "https:") })
  end)

  it("that hangs up inside the handshake is an error of the connection", function()
    sim:connections { { when = "accept", ending = "close" }, { when = "accept", ending = "reset" } }
    for _ = 1, 2 do
      local _, err = ask { ca_file = sim.ca_file }
      assert.are.equal("connection", err.kind)
    end
  end)
end)

describe("ca_file", function()
  it("that can't be used is a bad option that is named", function()
    local empty, words, broken, fifo = os.tmpname(), os.tmpname(), os.tmpname(), files.fifo()
    files.write(words, "no certificate\n")
    files.write(broken, files.BROKEN_PEM)
    for _, path in ipairs { "/no/such/file.pem", "/dev/null", "/", empty, words, broken, fifo } do
      local reply, err = ask { ca_file = path }
      assert.is_nil(reply)
      assert.are.equal("config", err.kind)
      assert.are.equal("ca_file", err.param)
      assert.is_truthy(err.message:find(path, 1, true), err.message)
    end
    assert.are.equal(0, #sim:journal())
  end)

  it("is looked at before anything is sent, also over plain http", function()
    for path, problem in pairs { ["/"] = "is a directory", ["/no/file"] = "is not a readable",
      ["/dev/null"] = "is not a regular file" } do
      local err = select(2, ask { ca_file = path, base_url = sim.url })
      assert.are.equal("ca_file", err.param)
      assert.is_truthy(err.message:find(problem, 1, true), err.message)
    end
  end)
end)

describe("no option", function()
  it("turns verification off", function()
    for _, name in ipairs { "verify", "verify_peer", "verify_host", "insecure", "ssl_verify",
      "tls_verify", "ssl_verifypeer", "ssl", "tls" } do
      assert.error_matches(function() ask { [name] = false } end, "unknown option '" .. name)
      assert.error_matches(function() novita.new { [name] = false } end, name .. ": unknown option")
    end
    refuses(sim, { ca_file = nil, proxy = "" })
  end)
end)

describe("over TLS", function()
  it("a body is not complete when its connection just stops", function()
    sim:script {
      { body = WHOLE, content_length = #WHOLE + 1, ending = "close" },
      { body = WHOLE, chunked = true, final_chunk = false },
    }
    for _ = 1, 2 do
      local reply, err = ask { ca_file = sim.ca_file }
      assert.is_nil(reply)
      assert.are.equal("connection", err.kind)
      assert.are.equal("body", err.phase)
    end
  end)

  it("a child that ends says no goodbye on its parent's connections", function()
    local pool = core.pool()
    local options = { base_url = sim.tls_url, api_key = "sk_spec", ca_file = sim.ca_file }
    sim:script { { cut = 100, ending = "stall", stall = 0.05 } }
    local transfer = pool:chat(wire.request, options)
    repeat pool:poll(0.01) until transfer:info()
    child.fork(function()
      transfer:close()
      pool:close()
      transfer, pool = nil, nil
      collectgarbage()
      collectgarbage()
    end)
    repeat until pool:poll(10) == 0
    assert.is_table(transfer:reply())
    pool:close()
  end)
end)

describe("a proxy", function()
  local PROXIED = "http://proxied.test/v1"

  after_each(function()
    for _, name in ipairs { "http_proxy", "https_proxy", "HTTP_PROXY", "all_proxy", "no_proxy" } do
      native.setenv(name, nil)
    end
  end)

  local function origin() return (sim.url:match("^http://[^/]+")) end

  -- The request comes to the simulator as a proxy gets it.
  local function is_proxied(options)
    sim:script { { body = WHOLE } }
    assert(ask(options))
    assert.are.equal(PROXIED .. "/chat/completions", sim:journal()[1].path)
    sim:reset()
  end

  it("is the one of the option", function()
    is_proxied { base_url = PROXIED, proxy = origin() }
    is_proxied { base_url = PROXIED, proxy = origin():gsub("^http://", "") }
  end)

  it("is the one of the environment, unless the option says otherwise", function()
    native.setenv("http_proxy", origin())
    is_proxied { base_url = PROXIED }
    native.setenv("http_proxy", "http://127.0.0.1:1")
    is_proxied { base_url = PROXIED, proxy = origin() }
    assert(ask { base_url = sim.url, proxy = "" })
    assert.are.equal("connect", select(2, ask { base_url = sim.url }).reason)
    native.setenv("no_proxy", "127.0.0.1")
    assert(ask { base_url = sim.url })
  end)

  it("of the environment is not HTTP_PROXY, which a request to a CGI program can set", function()
    native.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert(ask { base_url = sim.url })
  end)

  it("gets no key and no header of a request over TLS", function()
    native.setenv("https_proxy", origin())
    for _, status in ipairs { 403, 407, 502 } do
      sim:script { { raw = ("HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n"):format(status) } }
      local reply, err = ask { base_url = "https://proxied.test/v1", headers = { ["X-Own"] = "1" } }
      assert.is_nil(reply)
      assert.are.equal("connection", err.kind)
      assert.is_nil(err.status)
      assert.is_truthy(err.message:find(tostring(status), 1, true), err.message)
    end
    for _, entry in ipairs(sim:journal()) do
      assert.are.equal("CONNECT", entry.method)
      assert.are.equal("proxied.test:443", entry.path)
      assert.is_nil(entry.header.authorization)
      assert.is_nil(entry.header["x-own"])
    end
  end)

  it("that can't be reached is an error of the connection", function()
    local _, err = ask { base_url = PROXIED, proxy = "http://127.0.0.1:1" }
    assert.are.equal("connection", err.kind)
    assert.are.equal("connect", err.reason)
  end)

  it("keeps its password out of the error", function()
    local _, err = ask { base_url = PROXIED, proxy = "http://user:pa55word@127.0.0.1:1" }
    assert.is_nil(tostring(err):find("pa55word", 1, true))
    _, err = ask { base_url = PROXIED, proxy = "socks9://user:pa55word@127.0.0.1:1" }
    assert.is_nil(tostring(err):find("pa55word", 1, true), tostring(err))
  end)
end)
