-- Time-outs: each on its own, told apart in the error, and none when switched off.

local failures = require("spec.support.failures")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local LIMIT = failures.LIMIT
local times_out = failures.times_out
local FOREVER = 30
local BODY = ("x"):rep(100)

describe("a time-out", function()
  local sim

  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  describe("of connecting", function()
    local deaf, close

    before_each(function() deaf, close = simulator.deaf() end)
    after_each(function() close() end)

    it("ends a TCP handshake", function()
      local err = times_out("connect", "connect", nil, { base_url = deaf, connect_timeout = LIMIT })
      assert.are.equal("no connection within 0.05 s", err.message)
      assert.is_nil(err.status)
    end)

    it("ends a TLS handshake", function()
      local url = sim.url:gsub("^http:", "https:") -- the simulator waits for the end of a line
      times_out("connect", "connect", nil, { base_url = url, connect_timeout = LIMIT })
    end)

    it("may be shorter than a millisecond", function()
      local err = wire.fails(nil, { base_url = deaf, connect_timeout = 0.0001, deadline = 1 })
      assert.are.equal("connect", err.reason)
    end)

    it("is not the time-out of the first byte", function()
      times_out("connect", "connect", nil,
        { base_url = deaf, connect_timeout = LIMIT, first_byte_timeout = LIMIT / 5 })
    end)

    it("can be none", function()
      times_out("deadline", "connect", nil,
        { base_url = deaf, connect_timeout = false, deadline = LIMIT })
    end)

    it("does not go on once connected", function()
      wire.succeeds({ delay = 2 * LIMIT }, { connect_timeout = LIMIT })
    end)
  end)

  describe("of the first byte", function()
    it("ends the waiting for a status line", function()
      local err = times_out("first_byte", "headers", { delay = FOREVER },
        { first_byte_timeout = LIMIT })
      assert.are.equal("no response within 0.05 s of the request", err.message)
      assert.is_nil(err.status)
    end)

    it("ends the waiting for the rest of the headers", function()
      times_out("first_byte", "headers", { delay_headers = FOREVER },
        { first_byte_timeout = LIMIT })
    end)

    it("takes no interim response for an answer", function()
      times_out("first_byte", "headers",
        { interim = { "HTTP/1.1 102 Processing\r\n\r\n", FOREVER } },
        { first_byte_timeout = LIMIT })
    end)

    it("does not bound the body", function()
      wire.succeeds({ delay_body = 2 * LIMIT }, { first_byte_timeout = LIMIT })
    end)
  end)

  describe("of an idle body", function()
    it("ends a body that never begins", function()
      local err = times_out("idle", "body", { delay_body = FOREVER }, { idle_timeout = LIMIT })
      assert.are.equal("the response stopped for 0.05 s", err.message)
      assert.are.equal(200, err.status)
      assert.are.equal(("0"):rep(31) .. "1", err.request_id)
    end)

    it("ends a body that stops", function()
      times_out("idle", "body", { cut = 50, ending = "stall" }, { idle_timeout = LIMIT })
    end)

    it("is moved by every byte, so that a drip defeats it", function()
      local seconds = wire.took(function()
        local err = wire.fails({ body = BODY:sub(1, 30), piece = 1, pause = wire.slack / 20 },
          { idle_timeout = wire.slack })
        assert.are.equal("invalid_response", err.kind)
      end)
      assert.is_true(seconds > wire.slack)
    end)

    it("does not bound the waiting for an answer", function()
      wire.succeeds({ delay = 2 * LIMIT }, { idle_timeout = LIMIT })
    end)

    it("does not hide the status of an error", function()
      local err = wire.fails({ status = 503, cut = 5, ending = "stall" }, { idle_timeout = LIMIT })
      assert.are.equal("server", err.kind)
      assert.are.equal(503, err.status)
    end)
  end)

  for _, option in ipairs { "attempt_timeout", "deadline" } do
    local reason = option:match("^[^_]+")

    describe("called " .. option, function()
      it("ends connecting", function()
        local deaf, close = simulator.deaf()
        times_out(reason, "connect", nil, { base_url = deaf, [option] = LIMIT })
        close()
      end)

      it("ends the waiting for an answer", function()
        times_out(reason, "headers", { delay = FOREVER }, { [option] = LIMIT })
      end)

      it("ends a body of one byte at a time", function()
        times_out(reason, "body", { body = BODY, piece = 1, pause = 0.01 },
          { [option] = LIMIT, idle_timeout = LIMIT })
      end)

      it("can be none", function()
        wire.succeeds({ delay = 0.02 }, { [option] = false })
      end)
    end)
  end

  it("is the shortest one when there are several", function()
    local all = { first_byte_timeout = 0.09, attempt_timeout = 0.07, deadline = LIMIT }
    times_out("deadline", "headers", { delay = FOREVER }, all)
    all.first_byte_timeout = LIMIT / 2
    assert.are.equal("first_byte", wire.fails({ delay = FOREVER }, all).reason)
  end)

  it("need not be at all", function()
    wire.succeeds({ delay = 0.02, delay_body = 0.02 }, {
      connect_timeout = false, first_byte_timeout = false, idle_timeout = false,
      attempt_timeout = false, deadline = false,
    })
  end)

  it("of a nanosecond ends the call too", function()
    for _, reason in ipairs { "first_byte", "idle", "attempt", "deadline" } do
      local option = reason == "deadline" and reason or reason .. "_timeout"
      local err = wire.fails({ delay = LIMIT, delay_body = LIMIT }, { [option] = 1e-9 })
      assert.are.equal(reason, err.reason)
    end
  end)
end)
