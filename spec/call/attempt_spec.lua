-- What a program can say about the attempts of a call, and what it learns of them, over sockets.

local novita = require("novita")

local bad = require("novita.retry").bad
local clock = require("spec.support.clock")
local talk = require("spec.support.client")
local tries = require("spec.support.attempts")

local EMPTY = { answer = { content = "" } }
local CUT = { answer = { finish_reason = "length" } }

describe("retry.before", function()
  it("is told of each wait", function()
    local told = {}
    local outcome = tries.chat({ { status = 503 }, { status = 500 } }, {
      retry = { before = function(...) told[#told + 1] = { ... } end },
    })
    assert.are.equal(2, #told)
    for index, of in ipairs(told) do
      assert.are.equal(index, of[1])
      assert.are.equal("server", of[2].kind)
      assert.are.equal(outcome.waits[index], of[3])
    end
  end)

  it("may raise, and the caller gets it as it is", function()
    local reason = {}
    local ok, err = pcall(tries.chat, { { status = 503 } }, {
      retry = { before = function() error(reason) end },
    })
    assert.is_false(ok)
    assert.are.equal(reason, err)
    assert.are.equal(1, #talk.sim:journal())
  end)
end)

describe("retry.when", function()
  local function with(step, answer)
    local asked = {}
    local outcome = tries.chat({ step }, { retry = { when = function(err, attempt)
      asked[#asked + 1] = err.kind .. " " .. attempt
      return answer
    end } })
    return outcome, asked
  end

  it("may try again what would not be", function()
    local outcome, asked = with({ status = 404 }, true)
    assert.is_truthy(outcome.reply)
    assert.are.same({ "not_found 1" }, asked)
  end)

  it("may end what would be tried again", function()
    local outcome, asked = with({ status = 503 }, false)
    assert.are.equal("server", outcome.err.kind)
    assert.are.equal(1, #outcome.sent)
    assert.are.same({ "server 1" }, asked)
  end)

  it("leaves it to the usual rule with nil", function()
    assert.is_truthy(with({ status = 503 }, nil).reply)
    assert.are.equal("not_found", with({ status = 404 }, nil).err.kind)
  end)

  it("can't shorten what the server asked for", function()
    local outcome, asked = with({ status = 503, headers = { ["Retry-After"] = "500" } }, true)
    assert.are.equal(500, outcome.err.retry_after)
    assert.are.same({}, asked)
  end)

  it("can't have more attempts than there are", function()
    local outcome = tries.chat({ always = { status = 404 } }, {
      retry = { attempts = 3, when = function() return true end },
    })
    assert.are.equal(3, #outcome.sent)
  end)
end)

describe("retry.retry_if", function()
  it("tries again after an empty answer", function()
    local outcome = tries.chat({ EMPTY, EMPTY }, { retry = { retry_if = bad.empty } })
    assert.are.equal("Hi", outcome.reply:text())
    assert.are.equal(3, #outcome.sent)
    assert.are.equal("empty", outcome.info.attempts[1].error.reason)
  end)

  it("tries again after an answer that was cut", function()
    local outcome = tries.chat({ CUT }, { retry = { retry_if = bad.length } })
    assert.are.equal("stop", outcome.reply.choices[1].finish_reason)
    assert.are.equal("length", outcome.info.attempts[1].error.reason)
  end)

  it("tries again after an answer that is no JSON", function()
    local outcome = tries.chat({ { answer = { content = "Sure! {}" } } },
      { retry = { retry_if = bad.not_json } }, talk.request { message = '{"a":1}' })
    assert.are.equal(1, outcome.reply:json().a)
    assert.are.equal(2, #outcome.sent)
  end)

  it("gives the answer with the error if it stays bad", function()
    local outcome = tries.chat({ always = EMPTY }, {
      retry = { attempts = 2, retry_if = bad.empty },
    })
    assert.are.equal("invalid_response", outcome.err.kind)
    assert.are.equal("empty", outcome.err.reason)
    assert.are.equal("", outcome.err.reply:text())
    assert.are.equal(2, #outcome.sent)
  end)

  it("does not look at streams", function()
    local function never() error("a stream was looked at") end
    local stream = tries.stream({}, { retry = { retry_if = never } }).reply
    assert.are.equal("Hi", stream:reply():text())
    local told = {}
    local outcome = tries.chat({ EMPTY }, {
      retry = { retry_if = never }, on_chunk = function(chunk) told[#told + 1] = chunk end,
    })
    assert.is_truthy(outcome.reply)
    assert.are.equal(1, #outcome.sent)
  end)
end)

describe("a policy", function()
  it("has presets", function()
    assert.are.equal(1, #tries.chat({ always = { status = 503 } }, { retry = "none" }).sent)
    assert.are.equal(5, #tries.chat({ always = { status = 503 } }, { retry = "default" }).sent)
    local outcome = tries.chat({ always = { status = 503 } }, { retry = "aggressive" })
    assert.are.equal(10, #outcome.sent)
    assert.is_true(outcome.waits[1] <= 0.25)
  end)

  it("may differ from a preset", function()
    local outcome = tries.chat({ always = { status = 503 } }, {
      retry = { preset = "aggressive", attempts = 3 },
    })
    assert.are.equal(3, #outcome.sent)
    assert.is_true(outcome.waits[1] <= 0.25)
  end)

  it("of a call lies over that of its client, field by field", function()
    local loop, told = clock.skipping(), 0
    local client = talk.client { loop = loop, retry = {
      attempts = 2, jitter = 0, before = function() told = told + 1 end,
    } }
    local function sends(options)
      talk.sim:reset()
      talk.sim:always { status = 503 }
      client:chat(talk.request(), options)
      return #talk.sim:journal()
    end
    assert.are.equal(2, sends())
    assert.are.equal(4, sends { retry = { attempts = 4 } })
    assert.are.equal(1 + 3, told)
    assert.are.equal(2, sends { retry = { initial_delay = 7 } })
    assert.are.equal(7, loop.slept[#loop.slept])
    assert.are.equal(1, sends { retry = "none" })
    assert.are.equal(5, sends { retry = "default" })
    assert.are.equal(2, sends())
    assert.are.equal(2, sends { deadline = 100 })
  end)

  it("that is wrong raises where it is given", function()
    for _, wrong in ipairs {
      { attempts = 0 }, { attempts = 1.5 }, { atempts = 3 }, { jitter = 2 }, { when = 1 },
      { preset = "brave" }, { factor = 0.5 }, { initial_delay = -1 }, "brave",
    } do
      local ok, err = pcall(novita.new, { retry = wrong })
      assert.is_false(ok)
      assert.is_truthy(tostring(err):find("retry", 1, true), tostring(err))
    end
  end)
end)
