-- A body cut short is an error of the connection, even when its JSON so far is complete: what is
-- missing could have been the closing of something else.

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local WHOLE = '{"choices":[{"index":0,"message":{"role":"assistant","content":"cut"}}]}'
local OK = "HTTP/1.1 200 OK\r\n"
local CHUNK = ("%x\r\n%s\r\n"):format(#WHOLE, WHOLE)

describe("an incomplete response", function()
  local sim

  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  -- The call fails by the connection, within a moment, and the next one is not touched by it.
  local function breaks(step, phase)
    local err
    local seconds = wire.took(function() err = wire.fails(step, { deadline = 5 }) end)
    assert.is_true(seconds < wire.slack)
    assert.are.equal("connection", err.kind)
    assert.are.equal("reset", err.reason)
    assert.are.equal(phase, err.phase)
    assert.is_true(#err.message > 0)
    wire.succeeds { connection = "close" } -- on a kept connection libcurl would ask once more
    return err
  end

  it("shorter than its Content-Length", function()
    breaks({ body = WHOLE, content_length = #WHOLE + 1, ending = "close" }, "body")
  end)

  it("without the last chunk", function()
    breaks({ body = WHOLE, chunked = true, final_chunk = false }, "body")
  end)

  it("without the end of the last chunk", function()
    for _, ending in ipairs { "", "0", "0\r", "0\r\n", "0\r\nX: y\r\n" } do
      local raw = OK .. "Transfer-Encoding: chunked\r\n\r\n" .. CHUNK .. ending
      breaks({ raw = raw, ending = "close" }, "body")
    end
  end)

  it("cut inside a chunk, or inside its size", function()
    for _, length in ipairs { 1, 2, 3, #CHUNK - 3, #CHUNK - 1 } do
      local raw = OK .. "Transfer-Encoding: chunked\r\n\r\n" .. CHUNK:sub(1, length)
      breaks({ raw = raw, ending = "close" }, "body")
    end
  end)

  it("cut inside the headers", function()
    for _, head in ipairs { "HTTP/1.", "HTTP/1.1 200", OK, OK .. "Content-Le",
      OK .. "Content-Length: 0\r\n", OK .. "Content-Length: 0\r\n\r" } do
      breaks({ raw = head, ending = "close" }, "headers")
    end
  end)

  it("cut after an interim response", function()
    breaks({ raw = "HTTP/1.1 100 Continue\r\n\r\n", ending = "close" }, "headers")
  end)

  it("of nothing at all", function()
    breaks({ raw = "", ending = "close" }, "headers")
    breaks({ raw = "", ending = "reset" }, "headers")
    breaks({ raw = "", ending = "half_close" }, "headers")
  end)

  it("reset within the body", function()
    breaks({ body = WHOLE, content_length = #WHOLE + 1, ending = "reset" }, "body")
  end)

  it("half-closed within the body", function()
    breaks({ body = WHOLE, content_length = #WHOLE + 1, ending = "half_close" }, "body")
  end)

  it("cut within gzip is no answer, whatever its framing says", function()
    breaks({ gzip = true, chunked = true, cut = 60 }, "body")
    for _, length in ipairs { 1, 10, 60, 200 } do
      local err = wire.fails { gzip = true, cut = length, content_length = length }
      assert.are.equal("invalid_response", err.kind)
    end
  end)

  it("of another status keeps the status", function()
    local err = wire.fails { status = 429, body = WHOLE, content_length = 1000, ending = "close" }
    assert.are.equal("rate_limit", err.kind)
    assert.are.equal(429, err.status)
  end)

  it("refused at the door is a failure to connect", function()
    local err = wire.fails(nil, { base_url = simulator.refused() })
    assert.are.equal("connection", err.kind)
    assert.are.equal("connect", err.reason)
    assert.are.equal("connect", err.phase)
    assert.is_nil(err.status)
    assert.are.equal(7, err.cause.code)
  end)

  it("reset at the door is a failure of the connection", function()
    sim:connections { { ending = "reset" } }
    assert.are.equal("connection", wire.fails().kind)
  end)
end)

describe("a body that ends with the connection", function()
  before_each(function() simulator.shared():reset() end)

  it("is complete in HTTP/1.1 and 1.0", function()
    for _, version in ipairs { "1.1", "1.0" } do
      local reply, info = wire.succeeds {
        body = WHOLE, version = version, content_length = false, ending = "close",
      }
      assert.are.equal("cut", reply:text())
      assert.are.equal(version, info.http_version)
    end
  end)

  it("is not, when its JSON is not", function()
    local err = wire.fails { body = WHOLE:sub(1, -2), content_length = false, ending = "close" }
    assert.are.equal("invalid_response", err.kind)
  end)
end)
