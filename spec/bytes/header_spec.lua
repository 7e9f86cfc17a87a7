-- Header lines as servers write them.

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local OK = "HTTP/1.1 200 OK\r\n"
local WHOLE = '{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'
local LENGTH = ("Content-Length: %d\r\n"):format(#WHOLE)

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

describe("a broken response", function()
  local function breaks(step, reason)
    local err
    local seconds = wire.took(function() err = wire.fails(step, { deadline = 5 }) end)
    assert.is_true(seconds < wire.slack)
    assert.are.equal("connection", err.kind)
    if reason then assert.are.equal(reason, err.reason) end
    assert.is_true(#err.message > 0)
    wire.succeeds { connection = "close" }
    return err
  end

  it("has a NUL in its headers", function()
    breaks({ raw = OK .. "X-Bad: a\0b\r\n" .. LENGTH .. "\r\n" .. WHOLE }, "protocol")
  end)
end)

describe("a response", function()
  it("may have no reason phrase, folded headers, or lines that end with LF alone", function()
    assert.are.equal("Hi", wire.succeeds({
      raw = "HTTP/1.1 200\nX-Folded: a\n b\n" .. LENGTH:gsub("\r", "") .. "\n" .. WHOLE,
    }):text())
  end)
end)
