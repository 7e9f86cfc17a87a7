-- Rate limits.

local cjson = require("cjson")
local socket = require("socket")

local ask = require("spec.support.simulator_http")
local simulator = require("spec.support.simulator_client")

local sim

describe("the simulator's limits", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("refuse requests over the minute", function()
    sim:limits { rpm = 2, clock = 2, retry_after = "ms" }
    local seen = {}
    for index = 1, 3 do seen[index] = ask.chat() end
    assert.are.equal(200, seen[2].status)
    assert.are.equal(429, seen[3].status)
    assert.are.equal("RATE_LIMIT_EXCEEDED", cjson.decode(seen[3].body).reason)
    assert.are.equal("2", seen[3].header["x-ratelimit-limit-requests"])
    assert.are.equal("0", seen[3].header["x-ratelimit-remaining-requests"])
    local wait = tonumber(seen[3].header["retry-after-ms"])
    assert.is_true(wait > 50000 and wait <= 60000) -- of the clock
  end)

  it("last a minute of the clock", function()
    sim:limits { rpm = 1, clock = 3000 }
    assert.are.equal(200, ask.chat().status)
    socket.sleep(0.025)
    assert.are.equal(200, ask.chat().status)
  end)

  it("count each model by itself", function()
    sim:limits { rpm = 1, retry_after = "seconds" }
    assert.are.equal(200, ask.chat().status)
    assert.are.equal(200, ask.chat({ model = "simulator/echo" }).status)
    assert.are.equal("60", ask.chat().header["retry-after"])
  end)

  it("refuse tokens over the minute", function()
    sim:limits { tpm = 12 }
    assert.are.equal(200, ask.chat({ model = "simulator/count-8" }).status)
    local answer, body = ask.chat { model = "simulator/count-8" }
    assert.are.equal(429, answer.status)
    assert.are.equal("TOKEN_LIMIT_EXCEEDED", body.reason)
    assert.is_nil(answer.header["retry-after"])
  end)

  it("refuse too many at once", function()
    sim:limits { concurrent = 1 }
    sim:script { { delay_body = 5 } }
    local wire = ask.open()
    sim:wait_for(function(entries) return entries[1] end)
    local answer, body = ask.chat()
    assert.are.equal(429, answer.status)
    assert.are.equal("server_overload", body.type)
    wire:close()
    assert.are.equal(2, sim:stats().most_active)
  end)

  it("are forgotten by a reset", function()
    sim:limits { rpm = 1 }
    ask.chat()
    sim:reset()
    for _ = 1, 3 do assert.are.equal(200, ask.chat().status) end
  end)
end)
