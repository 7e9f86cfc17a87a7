-- Header lines as servers write them.

local failures = require("spec.support.failures")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local OK, WHOLE, LENGTH = failures.OK, failures.WHOLE, failures.LENGTH

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

describe("a broken response", function()
  it("has a NUL in its headers", function()
    failures.breaks({ raw = OK .. "X-Bad: a\0b\r\n" .. LENGTH .. "\r\n" .. WHOLE }, "protocol")
  end)
end)

describe("a response", function()
  it("may have no reason phrase, folded headers, or lines that end with LF alone", function()
    assert.are.equal("Hi", wire.succeeds({
      raw = "HTTP/1.1 200\nX-Folded: a\n b\n" .. LENGTH:gsub("\r", "") .. "\n" .. WHOLE,
    }):text())
  end)
end)
