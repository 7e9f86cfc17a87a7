-- One call: its attempts, their bytes, their key, and their end.

local talk = require("spec.support.client")
local tries = require("spec.support.attempts")

describe("a call", function()
  it("sends five requests at most", function()
    local outcome = tries.chat({ always = { status = 503 } })
    assert.are.equal("server", outcome.err.kind)
    assert.are.equal(5, #outcome.sent)
    assert.are.equal(5, #outcome.err.attempts)
    for index, wait in ipairs(outcome.waits) do
      local longest = 2 ^ (index - 1)
      assert.is_true(wait >= 0.75 * longest and wait <= longest, tostring(wait))
    end
    assert.are.equal(4, #outcome.waits)
  end)

  it("reports its last error, also when that is of another kind", function()
    local outcome = tries.chat { { status = 503 }, { status = 429 }, { status = 404 } }
    assert.are.equal("not_found", outcome.err.kind)
    assert.are.equal(3, #outcome.sent)
    local attempts = outcome.err.attempts
    assert.are.equal("server", attempts[1].error.kind)
    assert.are.equal("rate_limit", attempts[2].error.kind)
    assert.are.equal(outcome.waits[1], attempts[1].delay)
    assert.are.equal(outcome.waits[2], attempts[2].delay)
    assert.is_nil(attempts[3].delay)
    assert.is_nil(attempts[3].error) -- it is the one that holds the list
  end)

  it("sends the same bytes each time", function()
    local request = talk.request { seed = 7, stop = { "a", "b" }, metadata = { b = 1, a = 2 } }
    local outcome = tries.chat({ { status = 500 }, { cut = 30 }, { status = 503 } }, nil, request)
    assert.are.equal(4, #outcome.sent)
    for index = 2, 4 do
      assert.are.equal(outcome.sent[1].body, outcome.sent[index].body)
      assert.are.equal("/openai/v1/chat/completions", outcome.sent[index].path)
    end
  end)

  it("asks for the key again each time", function()
    local asked = 0
    local outcome = tries.chat({ { status = 500 }, { status = 503 } }, {
      api_key = function()
        asked = asked + 1
        return "sk_" .. asked
      end,
    })
    assert.is_truthy(outcome.reply)
    for index = 1, 3 do
      assert.are.equal("Bearer sk_" .. index, outcome.sent[index].header.authorization)
    end
  end)

  it("stops where the key can't be had any more", function()
    local asked = 0
    local outcome = tries.chat({ { status = 500 } }, {
      api_key = function()
        asked = asked + 1
        if asked == 1 then return "sk_1" end
        return nil, "the vault is shut"
      end,
    })
    assert.are.equal("config", outcome.err.kind)
    assert.is_truthy(outcome.err.message:find("the vault is shut", 1, true))
    assert.are.equal(1, #outcome.sent)
    assert.are.equal(2, #outcome.err.attempts)
  end)

  it("says what became of each attempt when it succeeds", function()
    local outcome = tries.chat { { status = 503 }, { cut = 20 } }
    local attempts = outcome.info.attempts
    assert.are.equal(3, #attempts)
    assert.are.equal("server", attempts[1].error.kind)
    assert.are.equal("connection", attempts[2].error.kind)
    assert.is_nil(attempts[3].error)
    for index, attempt in ipairs(attempts) do
      assert.are.equal(outcome.waits[index], attempt.delay)
      assert.is_true(attempt.seconds >= 0 and attempt.seconds < 1)
    end
  end)

  it("that lists models is tried again too", function()
    talk.sim:reset()
    talk.sim:script { { status = 503 } }
    local loop = require("spec.support.clock").skipping()
    local models = assert(talk.client({ loop = loop, retry = "default" }):models())
    assert.is_true(#models > 0)
    assert.are.equal(1, #loop.slept)
  end)
end)
