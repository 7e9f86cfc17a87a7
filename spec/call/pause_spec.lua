-- The pause after a 429 is the wait of the call that was refused, and what is told of it is what
-- happens (behaviour 19.6).

local factories = require("novita.call.factories")
local clock = require("spec.support.clock")
local talk = require("spec.support.client")
local tries = require("spec.support.attempts")

local function sum(list)
  local total = 0
  for _, seconds in ipairs(list) do total = total + seconds end
  return total
end

-- The delays that the attempts of a call tell.
local function delays(attempts)
  local list = {}
  for position, entry in ipairs(attempts) do list[position] = entry.delay end
  return list
end

describe("the pause of a client without limits after a 429", function()
  it("is as long as the policy of the call says", function()
    local outcome = tries.chat({ { status = 429, uses = 3 } }, {
      retry = { initial_delay = 0.01, factor = 3, jitter = 0 },
    })
    assert.is_truthy(outcome.reply, tostring(outcome.err))
    assert.are.same({ 0.01, 0.03, 0.09 }, delays(outcome.info.attempts))
    assert.is_near(0.13, sum(outcome.waits), 0.005)
  end)

  it("is none where the server says 0", function()
    local outcome = tries.chat {
      { status = 429, headers = { ["Retry-After"] = "0" } },
      { status = 429, headers = { ["retry-after-ms"] = "0" } },
    }
    assert.is_truthy(outcome.reply, tostring(outcome.err))
    assert.are.same({ 0, 0 }, delays(outcome.info.attempts))
    assert.is_true(sum(outcome.waits) < 0.01)
  end)

  it("is the longest that a server says", function()
    local outcome = tries.chat { { status = 429, headers = { ["Retry-After"] = "2, 5" } } }
    assert.is_true(sum(outcome.waits) >= 5 and sum(outcome.waits) <= 5.5 + 0.1)
  end)

  it("begins anew with each call", function()
    talk.sim:reset()
    talk.sim:always { status = 429 }
    local loop = clock.skipping()
    local client = talk.client { loop = loop, retry = { attempts = 2, jitter = 0 } }
    for _ = 1, 3 do
      local _, err = client:chat(talk.request())
      assert.are.equal(1, err.attempts[1].delay)
    end
  end)

  it("holds for its other calls", function()
    talk.sim:reset()
    talk.sim:script { { status = 429 } }
    local loop = clock.skipping()
    local client = talk.client { loop = loop,
      retry = { attempts = 1, initial_delay = 7, jitter = 0 } }
    assert.are.equal("rate_limit", select(2, client:chat(talk.request())).kind)
    assert.is_truthy(client:chat(talk.request()))
    assert.is_near(7, sum(loop.slept), 0.01)
  end)
end)

describe("the pause of a client with limits", function()
  it("begins with the wait of the policy, and grows", function()
    talk.sim:reset()
    talk.sim:always { status = 429 }
    local loop = clock.skipping()
    local limit = factories.limit({ concurrency = 5 }, loop)
    local client = talk.client { loop = loop, limit = limit,
      retry = { attempts = 2, initial_delay = 0.5, factor = 3, jitter = 0 } }
    local told = {}
    for index = 1, 2 do
      local _, err = client:chat(talk.request())
      told[index] = err.attempts[1].delay
    end
    assert.are.same({ 0.5, 4.5 }, told) -- 1.5 was the pause after the last of the first call
  end)
end)

describe("what is told of a wait", function()
  it("is the pause of all, if that lasts longer", function()
    local told, loop = {}, clock.skipping()
    local limit = factories.limit({}, loop)
    local outcome = tries.chat({ { status = 503 } }, {
      loop = loop, limit = limit,
      retry = { when = function() limit:pause(30) end,
        before = function(_, _, delay) told.before = delay end },
      log = function(_, event) if event.event == "wait" then told.log = event.delay end end,
    })
    assert.is_truthy(outcome.reply, tostring(outcome.err))
    assert.is_near(30, told.before, 0.1)
    assert.are.equal(told.before, told.log)
    assert.are.equal(told.before, outcome.info.attempts[1].delay)
    assert.is_near(30, sum(loop.slept), 0.1)
  end)

  it("holds the wait for the turn", function()
    talk.sim:reset()
    talk.sim:script { { status = 503 } }
    local loop = clock.skipping()
    local client = talk.client { loop = loop, limit = factories.limit({ rpm = 6, burst = 0 }, loop),
      retry = { initial_delay = 1, jitter = 0 } }
    local reply, info = client:chat(talk.request())
    assert.is_truthy(reply, tostring(info))
    assert.is_near(61 / 6, info.attempts[1].delay, 0.1)
    assert.is_true(info.attempts[2].seconds < 1)
  end)
end)

describe("a deadline that ends the wait after a 429", function()
  -- The error is the server's, with the requests that were sent.
  local function is_the_servers(outcome, sent)
    assert.is_nil(outcome.reply)
    assert.are.equal("rate_limit", outcome.err.kind)
    assert.are.equal(429, outcome.err.status)
    assert.are.equal(sent, #outcome.sent)
    assert.are.equal(sent, #outcome.err.attempts)
  end

  it("leaves the server's error, when the wait would cross it", function()
    is_the_servers(tries.chat({ always = { status = 429 } }, { deadline = 2.5,
      retry = { initial_delay = 1, jitter = 0 } }), 2)
    is_the_servers(tries.chat({ { status = 429, headers = { ["Retry-After"] = "9" } } },
      { deadline = 3 }), 1)
  end)

  it("leaves it also when the turn comes too late", function()
    local loop = clock.skipping()
    local outcome = tries.chat({ { status = 429 } }, { loop = loop, deadline = 5,
      retry = { initial_delay = 1, jitter = 0 },
      limit = factories.limit({ rpm = 6, burst = 0 }, loop) })
    is_the_servers(outcome, 1)
    assert.is_true(outcome.err.attempts[1].delay >= 1)
  end)
end)
