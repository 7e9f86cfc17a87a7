-- Connections: kept, used again, and dropped when they can't be trusted.

local socket = require("socket")

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local LIMIT = 0.05
local MIB = 1024 * 1024
local BODY = '{"choices":[{"message":{"content":"first"}}]}'
local HEAD = ("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"):format(#BODY)
local EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

-- The numbers of the connections on which the requests of this test came.
local function connections()
  local list = {}
  for index, entry in ipairs(sim:journal()) do list[index] = entry.connection end
  return list
end

describe("a connection", function()
  -- The second of two calls goes out on a connection of its own.
  local function is_dropped(step)
    local first = { wire.succeeds(step) }
    local reply, info = wire.succeeds()
    assert.is_false(info.reused)
    assert.is_string(reply:text())
    local used = connections()
    assert.are_not.equal(used[1], used[#used])
    return first[1], #used
  end

  it("is used again, and info says so", function()
    local _, info = wire.succeeds()
    assert.is_false(info.reused)
    for _ = 1, 3 do
      _, info = wire.succeeds()
      assert.is_true(info.reused)
    end
    local used = connections()
    assert.are.same({ used[1], used[1], used[1], used[1] }, used)
  end)

  it("is used again after an error, a redirect and a GET", function()
    wire.fails { status = 500 }
    wire.fails { status = 429, chunked = true }
    wire.fails { redirect = "http://example.com/" }
    local pool = core.pool()
    local transfer = pool:request({ path = "/models" }, wire.options())
    repeat pool:poll(1) until transfer:reply() -- another pool, another connection
    local _, info = wire.succeeds()
    assert.is_true(info.reused)
    local used = connections()
    assert.are.same({ used[1], used[1], used[1], used[4], used[1] }, used)
  end)

  it("is used again for the longer body after a shorter one and the other way", function()
    for _, size in ipairs { 10, 100000, 10, 300000, 1 } do
      local reply = assert(wire.chat(nil, { model = wire.model, message = ("x"):rep(size) }))
      assert.is_string(reply:text())
    end
    for index, entry in ipairs(sim:journal()) do
      assert.are.equal(tonumber(entry.header["content-length"]), #entry.body)
      assert.are.equal(index, entry.request)
    end
  end)

  it("is dropped when the server says so", function()
    is_dropped { connection = "close" }
    is_dropped { version = "1.0" }
  end)

  it("is dropped when bytes came after the response", function()
    assert.are.equal("first", (is_dropped { raw = HEAD .. BODY .. EVIL }):text())
  end)

  it("is dropped when bytes came while it was idle", function()
    if core.features().libcurl:find("^7") then return pending("libcurl 8 looks for them") end
    sim:script { { raw = HEAD .. BODY .. EVIL, split = #HEAD + #BODY, pause = 0.01 } }
    assert.are.equal("first", assert(wire.chat()):text())
    assert.is_truthy(wire.entry())
    socket.sleep(0.04) -- the bytes arrive after the pause
    local reply, info = wire.succeeds()
    assert.is_truthy(reply:text():find("Hello there", 1, true))
    assert.is_false(info.reused)
  end)

  it("that the server closed meanwhile costs no call and no second request", function()
    local _, requests = is_dropped { silent_close = true }
    assert.are.equal(2, requests)
  end)

  it("that the server closes at the next request is replaced unseen", function()
    wire.succeeds { silent_close = "request" }
    local reply, info = wire.succeeds()
    assert.is_string(reply:text())
    assert.is_false(info.reused)
  end)

  it("is dropped by a cancelled call", function()
    local pool = core.pool()
    sim:script { { cut = 50, ending = "stall" } }
    local transfer = assert(pool:chat(wire.request, wire.options()))
    assert.is_truthy(sim:wait_for(function(entries)
      pool:poll(0)
      return entries[1] and entries[1].first_byte
    end))
    transfer:cancel()
    assert.is_true(wire.entry().aborted)
    transfer = assert(pool:chat(wire.request, wire.options()))
    while pool:poll(1) > 0 do pool:ready() end
    local reply, info = transfer:reply()
    assert.is_string(reply:text())
    assert.is_false(info.reused)
  end)
end)

describe("a large request", function()
  it("goes out at once, without waiting for 100-continue", function()
    local message = ("All work and no play. "):rep(150000)
    sim:script { { body = BODY } }
    local seconds = wire.took(function()
      assert(wire.chat({ deadline = 5 }, { model = wire.model, message = message }))
    end)
    local entry = sim:journal()[1]
    assert.is_nil(entry.header.expect)
    assert.is_true(#entry.body > #message)
    assert.are.equal(tonumber(entry.header["content-length"]), #entry.body)
    assert.is_true(seconds < 0.5 + wire.slack, seconds)
  end)

  it("may be answered before it has been read", function()
    local message = ("x"):rep(3 * MIB)
    sim:script { { early = true, status = 413, body = '{"message":"too large"}' } }
    local reply, err = wire.chat({ deadline = 5 }, { model = wire.model, message = message })
    assert.is_nil(reply)
    assert.are.equal("request_too_large", err.kind)
    assert.are.equal("too large", err.message)
  end)

  it("to a server that does not read meets its time-out", function()
    sim:script { { early = true, delay = 30 } }
    local reply, err = wire.chat({ first_byte_timeout = LIMIT },
      { model = wire.model, message = ("x"):rep(8 * MIB) })
    assert.is_nil(reply)
    assert.are.equal("first_byte", err.reason)
  end)
end)

describe("timings", function()
  it("are there, in seconds and in order", function()
    local _, info = wire.succeeds { delay = 0.03, delay_body = 0.02 }
    local t = info.timings
    for _, name in ipairs { "queue", "connect", "tls", "first_byte", "total" } do
      assert.are.equal("number", type(t[name]), name)
      assert.is_true(t[name] >= 0, name)
    end
    assert.is_true(t.connect > 0)
    assert.are.equal(0, t.tls)
    assert.is_true(t.connect < t.first_byte)
    assert.is_true(t.first_byte >= 0.03)
    assert.is_true(t.total >= t.first_byte)
    assert.is_true(t.total >= 0.05 - 0.001) -- both delays
    assert.is_true(t.total < 0.05 + wire.slack)
  end)

  it("say that a kept connection needs none to connect", function()
    wire.succeeds()
    local _, info = wire.succeeds { delay = 0.01 }
    assert.is_true(info.timings.connect < 0.005)
    assert.is_true(info.timings.total >= 0.01)
  end)
end)
