-- Tunnels: https servers behind a proxy, and a proxy that refuses one.

local novita = require("novita")
local socket = require("socket")

local child = require("spec.support.child")
local http2 = require("spec.support.http2")
local loops = require("novita.loop")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")
local talk = require("spec.support.client")
local tunnels = require("spec.support.tunnels")
local wire = require("spec.support.wire")

local PROXY = talk.sim.url:match("^http://[^/]+")
local FLOOD = 20e6 -- bytes, which libcurl takes seconds for

-- One call through a proxy that answers CONNECT with this step; returns its error.
local function refusal(step, options)
  talk.sim:reset()
  step.uses = 9
  talk.sim:script { step }
  options = options or {}
  options.proxy, options.base_url = options.proxy or PROXY, "https://novita.test/v1"
  options.retry = { attempts = 3, initial_delay = 0 }
  local reply, err = talk.client(options):chat(talk.request())
  assert.is_nil(reply)
  return err
end

describe("a refused tunnel", function()
  it("ends the call although its body has no end", function()
    local err
    local seconds = wire.took(function()
      err = refusal({ status = 407, body = ("x"):rep(FLOOD) }, { deadline = 60 })
    end)
    assert.same({ "proxy", 407, 1 }, { err.reason, err.proxy_status, #err.attempts })
    assert.equal("CONNECT tunnel failed, response 407", err.message)
    assert.is_true(seconds < 1 + wire.slack, seconds)
  end)

  it("ends the call although its body stalls", function()
    local step = { status = 407, body = "no", content_length = 1000, ending = "stall" }
    local err = refusal(step, { connect_timeout = 5 })
    assert.same({ "proxy", 407, 1 }, { err.reason, err.proxy_status, #err.attempts })
  end)

  it("is one where the proxy answers with what is no refusal by its name", function()
    for _, status in ipairs { 199, 302 } do
      local err = refusal { raw = ("HTTP/1.1 %d Odd\r\nContent-Length: 0\r\n\r\n"):format(status) }
      assert.same({ "proxy", status }, { err.reason, err.proxy_status })
    end
  end)

  it("ends a transfer of files too", function()
    talk.sim:reset()
    talk.sim:script { { status = 407, body = ("x"):rep(FLOOD) } }
    local client = talk.client { proxy = PROXY, base_url = "https://novita.test/v1" }
    local seconds = wire.took(function()
      local _, err = client.files:content("file-1")
      assert.same({ "proxy", 407 }, { err.reason, err.proxy_status })
    end)
    assert.is_true(seconds < 1 + wire.slack, seconds)
  end)
end)

-- Calls through a SOCKS proxy that says these bytes to each connection; returns the error.
local function socks(bytes)
  local listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(0)
  local proxy = "socks5h://user:password@127.0.0.1:" .. select(2, listener:getsockname())
  local err, held = nil, {}
  local call = novita.spawn(function()
    local client = talk.client {
      proxy = proxy, base_url = "https://novita.test/v1",
      retry = { attempts = 3, initial_delay = 0 },
    }
    err = select(2, client:chat(talk.request()))
  end)
  novita.spawn(function()
    while not call.done do
      held[#held + 1] = listener:accept()
      if held[#held] then held[#held]:send(bytes) end
      loops.here().sleep(0.005)
    end
  end)
  novita.run()
  for _, connection in ipairs(held) do connection:close() end
  listener:close()
  return err
end

describe("a SOCKS proxy", function()
  it("that refuses to connect is tried again", function()
    local err = socks("\5\0\5\5\0\1\0\0\0\0\0\0")
    assert.same({ "connection", "proxy", 3 }, { err.kind, err.reason, #err.attempts })
    assert.is_nil(err.proxy_status)
  end)

  it("that refuses the login is not, which says nothing of later calls", function()
    for _, bytes in ipairs { "\5\2\1\1", "\5\255" } do
      local err = socks(bytes)
      assert.same({ "connection", "proxy", 407, 1 },
        { err.kind, err.reason, err.proxy_status, #err.attempts })
      local client = talk.client { base_url = simulator.refused(), retry = { attempts = 1 } }
      err = select(2, client:chat(talk.request()))
      assert.same({ "connect" }, { err.reason, err.proxy_status })
      assert.equal("dns", refusal({ status = 200 }, { proxy = "http://novita.invalid" }).reason)
    end
  end)
end)

describe("a tunnel", function()
  local front, proxy

  local function client(more)
    local options = {
      base_url = front.url, ca_file = front.ca_file, api_key = wire.key, retry = "none",
      concurrency = 300,
    }
    for name, value in pairs(more) do options[name] = value end
    return novita.new(options)
  end

  setup(function()
    front = http2.start()
    proxy = tunnels.start()
  end)
  teardown(function()
    if front then front:stop() end
    proxy:stop()
  end)
  before_each(function() talk.sim:reset() end)

  local function test(name, body)
    it(name, function()
      if not front then return pending(http2.MISSING) end
      body()
    end)
  end

  test("is used again by calls with its login, and by no others", function()
    local called = {}
    for _, user in ipairs { "ann", "bob", "ann", "bob", "ann" } do
      local reply, info = client { proxy = proxy:url(user) }:chat(streaming.request)
      assert(reply, info)
      called[#called + 1] = user .. tostring(info.reused)
    end
    assert.same({ "annfalse", "bobfalse", "anntrue", "bobtrue", "anntrue" }, called)
    local users = proxy:users()
    assert.same({ "ann", "bob" }, { users[#users - 1], users[#users] })
  end)

  test("that is not open yet fails none of the calls that need more of them", function()
    local slow = client { proxy = proxy:url("slow") }
    assert(slow:chat(streaming.request))
    local list = {}
    for number = 1, 250 do list[number] = number end
    local _, summary = slow:map(list, streaming.request)
    assert.same({ 250, 250 }, { summary.ok, summary.total })
  end)

  test("that closes under a request, and is refused then, ends the call", function()
    local brief = client { proxy = proxy:url("brief"), deadline = 60 }
    assert(brief:chat(streaming.request))
    socket.sleep(0.1)
    local err
    local seconds = wire.took(function() err = select(2, brief:chat(streaming.request)) end)
    assert.same({ "proxy", 407 }, { err.reason, err.proxy_status })
    assert.equal("CONNECT tunnel failed, response 407", err.message)
    assert.is_true(seconds < 1 + wire.slack, seconds)
  end)

  test("that does not open delays no call on another way, whatever is called between", function()
    for index, way in ipairs { proxy:url(), proxy:url("ann"), "" } do
      local mute, done = client { proxy = proxy:url("mute"), deadline = 3 }, false
      local call = novita.spawn(function() return mute:chat(streaming.request) end)
      if index == 2 then
        client({ proxy = way, base_url = "https://127.0.0.1:1/v1" }):chat(streaming.request)
      end
      novita.spawn(function()
        local seconds = wire.took(function()
          assert(client({ proxy = way }):chat(streaming.request))
        end)
        done = seconds < 1.5
      end)
      local _, err = call:wait()
      assert.is_true(done)
      assert.equal("deadline", err.reason)
    end
  end)
end)

describe("calls to a server over HTTP/2 with other certificates", function()
  it("use their connections again", function()
    local front = http2.start()
    if not front then return pending(http2.MISSING) end
    local other, reused = os.tmpname(), {}
    os.execute(("cp '%s' '%s'"):format(front.ca_file, other))
    for _, path in ipairs { front.ca_file, other, front.ca_file, other, front.ca_file } do
      local options = { base_url = front.url, ca_file = path, api_key = wire.key }
      local reply, info = novita.new(options):chat(streaming.request)
      assert(reply, info)
      reused[#reused + 1] = info.http_version .. tostring(info.reused)
    end
    front:stop()
    os.remove(other)
    assert.same({ "2false", "2false", "2true", "2true", "2true" }, reused)
  end)
end)

describe("the environment's key", function()
  local CODE = [[
    local client = require("novita").new { base_url = "%s", retry = "none"%s }
    print(client:chat { model = "simulator/echo", message = "Hi" })
  ]]

  local function output(more, environment)
    talk.sim:reset()
    talk.sim:script { { body = talk.completion('"Hi"') } }
    environment.NOVITA_API_KEY = "sk_from_environment"
    return (child.run(CODE:format(talk.sim.url, more), environment))
  end

  it("is not sent in clear to a proxy", function()
    local refused = "^nil\tconfig: api_key: NOVITA_API_KEY is not sent over plain http to a proxy"
    for _, text in ipairs {
      output("", { http_proxy = PROXY }), output("", { all_proxy = PROXY }),
      output("", { http_proxy = PROXY, no_proxy = "novita.test" }),
      output("", { http_proxy = PROXY, no_proxy = "novita.test,*" }),
      output((", proxy = %q"):format(PROXY), {}),
    } do
      assert.truthy(text:find(refused), text)
      assert.same({}, talk.sim:journal())
    end
  end)

  it("is sent where the proxy does not apply, and a key that is passed goes there", function()
    for _, text in ipairs {
      output("", { http_proxy = PROXY, no_proxy = "novita.test, 127.0.0.1" }),
      output("", { http_proxy = PROXY, NO_PROXY = "*" }), output("", { https_proxy = PROXY }),
      output(', proxy = ""', { http_proxy = PROXY }),
      output(', api_key = "sk_passed"', { http_proxy = PROXY }),
    } do
      assert.equal("Hi\ttable", text:sub(1, 8))
    end
    assert.equal("Bearer sk_passed", talk.sim:journal()[1].header.authorization)
  end)
end)
