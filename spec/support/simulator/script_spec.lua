-- The order of a script.

local ask = require("spec.support.simulator_http")
local raw = require("spec.support.socket_http")
local simulator = require("spec.support.simulator_client")

local sim

describe("a script's steps", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("are taken first in, first out, then always", function()
    sim:script { { status = 500 }, { status = 503 } }
    sim:always { status = 429 }
    local seen = {}
    for index = 1, 4 do seen[index] = ask.chat().status end
    assert.are.same({ 500, 503, 429, 429 }, seen)
    sim:reset()
    assert.are.equal(200, ask.chat().status)
  end)

  it("may wait for the request they fit, and serve several", function()
    sim:script { { status = 500, match = "lucky", uses = 2 } }
    assert.are.equal(200, ask.chat().status)
    for _ = 1, 2 do assert.are.equal(500, ask.chat({ messages = ask.user("lucky") }).status) end
    assert.are.equal(200, ask.chat({ messages = ask.user("lucky") }).status)
  end)

  it("answer before the body has come", function()
    sim:script { { early = true, status = 413 } }
    local wire = raw.connect(sim.url)
    wire:send_bytes("POST /openai/v1/chat/completions HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc")
    assert.are.equal(413, wire:read().status)
  end)
end)
