-- HTTP as servers speak it, well and badly.

local novita = require("novita")

local failures = require("spec.support.failures")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local OK, WHOLE, LENGTH = failures.OK, failures.WHOLE, failures.LENGTH
local breaks = failures.breaks

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

describe("a broken response", function()
  it("has a Content-Length that is no length", function()
    for _, value in ipairs { "-5", "1e1", "abc", "0x10", "5 5", ("9"):rep(40) } do
      breaks({ body = WHOLE, content_length = value, ending = "close" }, "protocol")
    end
  end)

  it("has two different Content-Lengths", function()
    local err = breaks({ raw = OK .. LENGTH .. "content-length: 2\r\n\r\n" .. WHOLE }, "protocol")
    assert.is_truthy(err.message:find("two different Content-Length", 1, true))
    breaks({ raw = OK .. "Content-Length: 2, 5\r\n\r\n" .. WHOLE }, "protocol")
  end)

  it("has a bad chunk size", function()
    for _, size in ipairs { "zz", "-1", ("f"):rep(17), ("f"):rep(100), "" } do
      local chunk = size .. "\r\n" .. WHOLE .. "\r\n0\r\n\r\n"
      breaks { raw = OK .. "Transfer-Encoding: chunked\r\n\r\n" .. chunk, ending = "close" }
    end
  end)

  it("is not HTTP", function()
    for _, banner in ipairs { "SSH-2.0-OpenSSH_9.2\r\n", "220 smtp.example ESMTP\r\n", WHOLE,
      "HTTP/1.1 abc OK\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "\0\0\0\0\0\0\0\0" } do
      local err = breaks({ raw = banner, ending = "close" })
      assert.is_nil(err.status ~= 0 and err.status or nil)
    end
  end)

  it("switches to a protocol that nobody asked for", function()
    breaks { raw = "HTTP/1.1 101 Switching Protocols\r\n\r\n" }
    breaks { raw = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" .. OK .. LENGTH
      .. "\r\n" .. WHOLE }
  end)

  it("floods behind a protocol switch, and no byte of it is kept", function()
    local flood = ("x"):rep(4 * 1024 * 1024)
    local options = { max_response_bytes = 1000, deadline = 5 }
    for _, head in ipairs { "", "Upgrade: websocket\r\nConnection: Upgrade\r\n" } do
      local raw = "HTTP/1.1 101 Switching Protocols\r\n" .. head .. "\r\n" .. flood
      local err = wire.fails({ raw = raw, ending = "stall" }, options)
      assert.are.equal("connection", err.kind)
      assert.are.equal("protocol", err.reason)
      assert.is_nil(err.body)
      assert.is_truthy(err.message:find("101", 1, true), err.message)
    end
  end)

  it("has a body that is not what its coding says", function()
    for _, coding in ipairs { "gzip", "deflate", "x-unknown" } do
      local err = breaks({ headers = { ["Content-Encoding"] = coding } }, "protocol")
      assert.are.equal(61, err.cause.code)
    end
  end)

  it("has a corrupt gzip body", function()
    local corrupt = "\31\139\8\0\0\0\0\0\0\3" .. ("\255"):rep(50)
    breaks({ body = corrupt, headers = { ["Content-Encoding"] = "gzip" } }, "protocol")
  end)
end)

describe("a response", function()
  it("comes after interim ones, whose headers are not its own", function()
    local _, info = wire.succeeds { interim = {
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 102 Processing\r\nX-Request-Id: interim\r\nRetry-After: 3\r\n\r\n", 0.01,
      "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 3\r\n\r\n",
    } }
    assert.are.equal(200, info.status)
    assert.is_nil(info.headers.link)
    assert.is_nil(info.headers["retry-after"])
    assert.are.equal(("0"):rep(31) .. "1", info.request_id)
  end)

  it("may have trailers, which are not headers", function()
    local chunks = ("%x\r\n%s\r\n0\r\nX-Request-Id: trailer\r\nX-Trailer: yes\r\n\r\n")
      :format(#WHOLE, WHOLE)
    local reply, info = wire.succeeds {
      raw = OK .. "Transfer-Encoding: chunked\r\nX-Request-Id: header\r\n\r\n" .. chunks,
    }
    assert.are.equal("Hi", reply:text())
    assert.are.equal("header", info.request_id)
    assert.is_nil(info.headers["x-trailer"])
  end)

  it("may repeat its Content-Length", function()
    wire.succeeds { raw = OK .. LENGTH .. LENGTH .. "\r\n" .. WHOLE }
  end)

  it("may have a Content-Length besides its chunks", function()
    wire.succeeds { chunked = true, headers = { ["Content-Length"] = "3" } }
  end)

  it("may come in pieces of any size", function()
    for _, size in ipairs { 1, 7, 100 } do
      assert.is_string(wire.succeeds({ split = size, pause = 0 }):text())
      assert.is_string(wire.succeeds({ piece = size, chunked = true }):text())
    end
  end)

  it("may be HTTP/1.0", function()
    local _, info = wire.succeeds { version = "1.0" }
    assert.are.equal("1.0", info.http_version)
    assert.are.equal("1.1", select(2, wire.succeeds()).http_version)
  end)
end)

describe("a redirect", function()
  local other

  setup(function() other = simulator.start() end)
  teardown(function() other:stop() end)

  for _, status in ipairs { 301, 302, 303, 307, 308 } do
    it("is not followed: " .. status, function()
      local err = wire.fails({ status = status, redirect = other.url .. "/chat/completions?key=x" },
        { headers = { ["X-Custom"] = "credential" } })
      assert.are.equal("redirect", err.kind)
      assert.are.equal(status, err.status)
      assert.are.equal("127.0.0.1:" .. other.port, err.host)
      assert.is_nil(err.message:find("key=x", 1, true))
      assert.are.equal(1, #sim:journal())
      assert.are.equal(0, #other:journal())
      assert.are.equal(1, other:stats().accepted) -- the control connection
    end)
  end

  it("is not followed to the same server, nor to another scheme", function()
    for _, target in ipairs { sim.url .. "/models", "/elsewhere", "file:///etc/passwd",
      "gopher://127.0.0.1/", "https://127.0.0.1:1/", "//example.com", "" } do
      local err = wire.fails { status = 307, redirect = target }
      assert.are.equal("redirect", err.kind)
    end
    assert.are.equal(7, #sim:journal())
  end)

  -- libcurl sends the request again without the header (RFC 9110, 10.1.1).
  it("417 is followed by the stream that was asked for", function()
    sim:script { { early = true, status = 417, body = "" } }
    local client = novita.new(wire.options())
    local stream = assert(client:stream(wire.request, { headers = { Expect = "100-continue" } }))
    assert.are.equal("You asked:", stream:reply():text():sub(1, 10))
    assert.are.equal(2, #sim:journal())
  end)

  it("without a target is one too", function()
    local err = wire.fails { status = 302, body = "moved" }
    assert.are.equal("redirect", err.kind)
    assert.is_nil(err.host)
  end)
end)
