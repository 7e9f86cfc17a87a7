-- A call that is cancelled between or during its attempts returns at once (behaviour 7), and what
-- it held is free again.

local novita = require("novita")

local poll = require("novita.loop.poll")
local talk = require("spec.support.client")
local wire = require("spec.support.wire")

local LONG = { initial_delay = 30, jitter = 0 }

-- Starts a call in a task, lets it come to its wait, cancels, and returns what it returned.
local function cancelled(client, seconds, method)
  local value, err
  local task = poll.spawn(function()
    value, err = client[method or "chat"](client, talk.request())
  end)
  poll.sleep(seconds or 0.03)
  local took = wire.took(function()
    task:cancel()
    task:wait()
  end)
  assert.is_nil(value)
  assert.is_true(took < wire.slack, tostring(took))
  assert.are.equal("cancelled", err.kind)
  return err
end

describe("a call that is cancelled", function()
  before_each(function() talk.sim:reset() end)

  for _, method in ipairs { "chat", "stream" } do
    it("while it waits for its next attempt makes no other: " .. method, function()
      talk.sim:always { status = 503 }
      local err = cancelled(talk.client { retry = LONG }, nil, method)
      assert.are.equal(1, #talk.sim:journal())
      assert.are.equal("server", err.attempts[1].error.kind)
      assert.are.equal(30, err.attempts[1].delay)
    end)
  end

  it("during an attempt makes no other", function()
    talk.sim:always { delay = 0.3 }
    local err = cancelled(talk.client { retry = LONG })
    assert.are.equal(1, #talk.sim:journal())
    assert.are.equal(1, #err.attempts)
  end)

  it("by its own function before a wait does not wait", function()
    talk.sim:always { status = 503 }
    local err, task
    local client = talk.client { retry = {
      initial_delay = 30, before = function() task:cancel() end,
    } }
    task = poll.spawn(function()
      poll.sleep(0)
      local _
      _, err = client:chat(talk.request())
    end)
    local took = wire.took(function() task:wait() end)
    assert.is_true(took < wire.slack, tostring(took))
    assert.are.equal("cancelled", err.kind)
    assert.are.equal(1, #talk.sim:journal())
  end)

  it("before it has begun sends nothing", function()
    local err
    local task = poll.spawn(function()
      poll.sleep(0)
      local _
      _, err = talk.client():chat(talk.request())
    end)
    task:cancel()
    task:wait()
    assert.are.equal("cancelled", err.kind)
    assert.are.equal(0, #talk.sim:journal())
  end)

  it("while it waits for its turn gives up its place", function()
    local limit = novita.limit { concurrency = 1 }
    local client = talk.client { limit = limit }
    talk.sim:script { { delay = 0.12 } }
    local first = poll.spawn(function() return client:chat(talk.request()) end)
    cancelled(client, 0.02)
    local third = poll.spawn(function() return client:chat(talk.request()) end)
    assert.is_truthy(first:wait())
    assert.is_truthy(third:wait())
    assert.are.equal(2, #talk.sim:journal())
  end)

  it("during an attempt frees its slot", function()
    local client = talk.client { limit = { concurrency = 1 } }
    talk.sim:script { { delay = 0.3 } }
    cancelled(client)
    assert.is_truthy(client:chat(talk.request(), { deadline = 1 }))
  end)

  it("while all pause after a 429 does not wait for the end of it", function()
    local client = talk.client { retry = { attempts = 2 } }
    talk.sim:always { status = 429, headers = { ["Retry-After"] = "60" } }
    cancelled(client)
    cancelled(client) -- this one has found the pause
    assert.are.equal(1, #talk.sim:journal())
  end)
end)
