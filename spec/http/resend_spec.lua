-- Requests that no server has processed are sent again. One that an HTTP/2 server refuses is; but a
-- server that refuses for ever is not asked for ever. The frames are a script of the simulator's.

local novita = require("novita")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local SETTINGS = "\0\0\0\4\0\0\0\0\0"
-- The last stream that was processed is 0, there was no error.
local GOAWAY = "\0\0\8\7\0\0\0\0\0" .. ("\0"):rep(8)
-- Of stream 1, REFUSED_STREAM.
local REFUSED = "\0\0\4\3\0\0\0\0\1" .. "\0\0\0\7"

local TRIES = 6 -- of libcurl, each time that a request is sent
local RESENDS = 20

describe("over HTTP/2 a server that refuses every request", function()
  local sim

  setup(function() sim = simulator.start { tls = true, tls_h2 = true } end)
  teardown(function() sim:stop() end)
  before_each(function() sim:reset() end)

  local function refuse(frame, delay)
    local bytes, doors = SETTINGS .. frame, {}
    for number = 1, 2 * TRIES * (1 + RESENDS) do
      doors[number] = { when = "request", bytes = bytes, ending = "stall", delay = delay }
    end
    sim:connections(doors)
  end

  -- One call, which must fail; returns its error and how many connections it took.
  local function fails(kind, deadline)
    local before = sim:stats().accepted
    local reply, err = novita.chat(wire.request, {
      base_url = sim.tls_url, ca_file = sim.ca_file, api_key = "sk_spec", retry = "none",
      deadline = deadline,
    })
    assert.is_nil(reply)
    assert.equal(kind, err.kind)
    assert.equal(1, #err.attempts)
    return err, sim:stats().accepted - before
  end

  it("with REFUSED_STREAM is asked so often, and then the call fails", function()
    refuse(REFUSED)
    local err, connections = fails("connection")
    assert.equal("reset", err.reason)
    assert.equal(TRIES * (1 + RESENDS), connections)
  end)

  it("is asked no longer than the deadline", function()
    refuse(REFUSED, 0.02)
    local err, connections
    local seconds = wire.took(function() err, connections = fails("timeout", 0.2) end)
    assert.equal("deadline", err.reason)
    assert.is_true(connections < TRIES * (1 + RESENDS))
    assert.is_true(seconds < 0.2 + wire.slack, seconds)
  end)

  -- To libcurl 7.88 the whole connection has failed then, whatever the server has processed.
  it("with GOAWAY, where no other stream goes on, is asked no more often", function()
    refuse(GOAWAY)
    local _, connections = fails("connection")
    assert.is_true(connections <= TRIES * (1 + RESENDS))
  end)
end)

-- A kept connection that the server closes as the next request comes (RFC 9112, 9.3.1).
describe("on a kept connection that is closed before any answer", function()
  local sim = simulator.shared()

  before_each(function()
    poll.pool():close()
    sim:reset()
  end)

  it("a request is sent again, however often that was so before", function()
    local client = novita.new(wire.options { retry = "none" })
    assert(client:chat(wire.request))
    for _ = 1, 12 do
      sim:script { { raw = "", ending = "reset" } }
      local reply, info = client:chat(wire.request)
      assert(reply, info)
      assert.equal(1, #info.attempts)
    end
  end)

  it("a large one is, although it was not sent to its end", function()
    local client = novita.new(wire.options { retry = "none" })
    for _ = 1, 5 do
      assert(client:chat(wire.request))
      sim:script { { early = true, raw = "", ending = "reset" } }
      assert(client:chat { model = wire.model, message = ("x"):rep(4e6) })
      poll.pool():close()
    end
  end)
end)
