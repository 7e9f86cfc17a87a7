-- Connections: kept, refused, broken off.

local cjson = require("cjson")
local socket = require("socket")

local ask = require("spec.support.simulator_http")
local raw = require("spec.support.socket_http")
local simulator = require("spec.support.simulator_client")

local FOREVER = 0.03

local sim

describe("the simulator's connections", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("are kept, with what the client asks respected", function()
    local wire = raw.connect(sim.url)
    for _ = 1, 3 do
      wire:send { path = "/models", method = "GET" }
      assert.are.equal(200, wire:read().status)
    end
    wire:send { path = "/models", method = "GET", headers = { "Connection: close" } }
    assert.are.equal("close", wire:read().header.connection)
    assert.are.equal("closed", select(2, wire.sock:receive(1)))
    wire = raw.connect(sim.url)
    wire:send { path = "/models", method = "GET", version = "1.0" }
    assert.are.equal("close", wire:read().header.connection)
    local entries = sim:journal()
    assert.are.equal(entries[1].connection, entries[4].connection)
    assert.are.equal(4, entries[4].request)
    assert.are_not.equal(entries[1].connection, entries[5].connection)
    assert.are.equal("1.0", entries[5].version)
  end)

  it("take chunked bodies, and ask for those held back", function()
    local wire = raw.connect(sim.url)
    local body = cjson.encode { model = ask.model, messages = ask.user("x") }
    wire:send { path = "/chat/completions", no_length = true,
      headers = { "Transfer-Encoding: chunked", "Expect: 100-continue" } }
    assert.are.equal(100, wire:read().status)
    wire:send_bytes(string.format("%x\r\n%s\r\n", 5, body:sub(1, 5)))
    local rest = body:sub(6)
    wire:send_bytes(string.format("%X;x=y\r\n%s\r\n0\r\nTrailer: 1\r\n\r\n", #rest, rest))
    assert.are.equal(200, wire:read().status)
    assert.are.equal(body, sim:journal()[1].body)
  end)

  it("that do not speak HTTP are turned away", function()
    local wire = raw.connect(sim.url)
    wire:send_bytes("PRI * HTTP/2.0\r\n\r\n")
    assert.are.equal(400, wire:read().status)
  end)

  it("can be ended before a word is said", function()
    sim:connections { { ending = "close" }, { delay = 0.005, ending = "reset" },
      { ending = "stall" }, { bytes = "220 smtp\r\n", ending = "close" }, { delay = 0.01 } }
    local _, err = raw.connect(sim.url):read()
    assert.are.equal("closed", err)
    _, err = raw.connect(sim.url):read()
    assert.are.equal("closed", err)
    assert.is_true(raw.connect(sim.url):is_silent(0.005))
    assert.are.equal("220 smtp\r\n", (raw.connect(sim.url):read_all()))
    local started = socket.gettime()
    assert.are.equal(200, ask.chat().status)
    assert.is_true(socket.gettime() - started >= 0.01)
  end)

  it("may be refused or never answered at all", function()
    local host, port = raw.split(simulator.refused())
    assert.are.same({ nil, "connection refused" }, { socket.connect(host, port) })
    local url, close = simulator.deaf()
    host, port = raw.split(url)
    local sock = socket.tcp()
    sock:settimeout(FOREVER)
    assert.are.equal("timeout", select(2, sock:connect(host, port)))
    sock:close()
    close()
  end)
end)
