-- Limits of calls over sockets: turns, slots and the pause that one 429 means for all (15.1, 15.2).

local novita = require("novita")

local factories = require("novita.call.factories")
local clock = require("spec.support.clock")
local poll = require("novita.loop.poll")
local talk = require("spec.support.client")

local CLOCK = 200

local function many(count, fn)
  local tasks, failed = {}, {}
  for index = 1, count do tasks[index] = poll.spawn(function() return fn(index) end) end
  for index = 1, count do
    local value, err = tasks[index]:wait()
    if not value then failed[#failed + 1] = tostring(err) end
  end
  return failed
end

local function refusals()
  local count = 0
  for _, entry in ipairs(talk.sim:journal()) do
    if entry.status == 429 then count = count + 1 end
  end
  return count
end

describe("a limiter", function()
  before_each(function() talk.sim:reset() end)

  it("lets no more calls at once than it says, in their order", function()
    talk.sim:always { delay = 0.01 }
    local client = talk.client { limit = { concurrency = 2 } }
    assert.are.same({}, many(8, function(index)
      return client:chat(talk.request { message = "number " .. index })
    end))
    assert.are.equal(2, talk.sim:stats().most_active)
    local at = {}
    for position, entry in ipairs(talk.sim:journal()) do
      at[tonumber(entry.body:match("number (%d)"))] = position
    end
    for index = 1, 8 do assert.is_true(math.abs(at[index] - index) <= 1) end
  end)

  it("is shared by clients", function()
    talk.sim:always { delay = 0.01 }
    local limit = novita.limit { concurrency = 1 }
    local clients = { [0] = talk.client { limit = limit }, talk.client { limit = limit } }
    many(6, function(index) return clients[index % 2]:chat(talk.request()) end)
    assert.are.equal(1, talk.sim:stats().most_active)
  end)

  it("refuses at once what can never be had", function()
    local client = talk.client { limit = { tpm = 1000 }, retry = "default" }
    local reply, err = client:chat(talk.request { max_tokens = 2000 })
    assert.is_nil(reply)
    assert.are.equal("rate_limited_local", err.kind)
    assert.are.equal("tokens", err.reason)
    assert.are.equal(0, #talk.sim:journal())
    assert.is_truthy(client:models()) -- which uses none
  end)

  it("counts the wait to the deadline", function()
    local client = talk.client { limit = { concurrency = 1 } }
    talk.sim:always { delay = 0.1 }
    local first = poll.spawn(function() return client:chat(talk.request()) end)
    local reply, err = client:chat(talk.request(), { deadline = 0.03 })
    assert.is_nil(reply)
    assert.are.equal("deadline", err.reason)
    assert.is_truthy(first:wait())
    assert.are.equal(1, #talk.sim:journal())
  end)

  it("says when too many wait", function()
    local client = talk.client { limit = { concurrency = 1, queue = 1 } }
    talk.sim:always { delay = 0.03 }
    local failed = many(3, function() return client:chat(talk.request()) end)
    assert.are.equal(1, #failed)
    assert.is_truthy(failed[1]:find("queue_full", 1, true))
  end)

  it("settles with what a stream has used", function()
    local limit = novita.limit { tpm = 3000 }
    local client = talk.client { limit = limit }
    for _ = 1, 4 do
      local stream = assert(client:stream(talk.request { max_tokens = 1000 }, { deadline = 0.5 }))
      assert.is_truthy(stream:reply())
    end
    assert.is_true(limit.tokens.used < 100, tostring(limit.tokens.used))
  end)
end)

describe("a slot is free again after", function()
  local client
  before_each(function()
    talk.sim:reset()
    client = talk.client { limit = { concurrency = 1 }, idle_timeout = 0.04 }
  end)

  local function is_free()
    talk.sim:reset()
    assert.is_truthy(client:chat(talk.request(), { deadline = 0.5 }))
  end

  for name, step in pairs {
    ["a refusal"] = { status = 404 }, ["a fault"] = { status = 503 }, ["a cut"] = { cut = 20 },
    ["a stall"] = { cut = 20, ending = "stall" }, ["nonsense"] = { body = "{" },
  } do
    it(name, function()
      talk.sim:script { step }
      assert.is_nil((client:chat(talk.request())))
      is_free()
    end)
  end

  it("a request that can't be sent", function()
    client:chat(talk.request { temperature = 9 })
    is_free()
  end)

  it("a key function that raises", function()
    local ok = pcall(client.chat, client, talk.request(), { api_key = function() error("no") end })
    assert.is_false(ok)
    is_free()
  end)

  it("a log function that raises", function()
    local ok = pcall(client.chat, client, talk.request(), { log = function() error("no") end })
    assert.is_false(ok)
    is_free()
  end)

  it("on_text that raises", function()
    pcall(client.chat, client, talk.request(), { on_text = function() error("no") end })
    is_free()
  end)

  it("a stream that was read, cancelled or cut", function()
    for _, step in ipairs { {}, { pace = 0.05 }, { cut_pieces = 1 } } do
      talk.sim:script { step }
      local stream = assert(client:stream(talk.request { message = "one two three" }))
      stream:next()
      if step.pace then stream:cancel() else stream:reply() end
      is_free()
    end
  end)

  it("a stream that nobody holds any more", function()
    talk.sim:script { { pace = 0.05 } }
    client:stream(talk.request { message = "one two three" })
    collectgarbage()
    collectgarbage()
    is_free()
  end)
end)

describe("after a 429", function()
  before_each(function() talk.sim:reset() end)

  it("all calls of a client without limits pause, once for the whole burst", function()
    local loop = clock.fast(CLOCK)
    local client = talk.client { loop = loop, retry = "default" }
    talk.sim:script { { status = 429, delay = 0.02, uses = 8 } }
    local started = loop.now()
    assert.are.same({}, many(8, function() return client:chat(talk.request()) end))
    local entries = talk.sim:journal()
    assert.are.equal(16, #entries)
    assert.are.equal(8, refusals())
    assert.is_true(loop.now() - started < 60) -- and not a pause for each of the eight
  end)

  it("all calls of a limiter pause, once for the whole burst", function()
    local loop = clock.fast(CLOCK)
    local limit = factories.limit({ concurrency = 20 }, loop)
    local client = talk.client { loop = loop, retry = "default", limit = limit }
    talk.sim:script { { status = 429, delay = 0.02, uses = 12 } }
    assert.are.same({}, many(12, function() return client:chat(talk.request()) end))
    assert.are.equal(12, refusals())
    assert.are.equal(1, limit.throttle.count)
    assert.are.equal(0, limit.throttle.busy)
  end)

  it("a call that begins meanwhile waits for the end of the pause", function()
    local loop = clock.fast(CLOCK)
    local client = talk.client { loop = loop, retry = "none" }
    talk.sim:script { { status = 429, headers = { ["Retry-After"] = "10" } } }
    assert.is_nil((client:chat(talk.request())))
    local started = loop.now()
    assert.is_truthy(client:chat(talk.request()))
    assert.is_true(loop.now() - started > 9)
  end)

  it("other clients do not pause, unless they share a limiter", function()
    local loop = clock.fast(CLOCK)
    local function waits(options)
      talk.sim:reset()
      options.loop = loop
      talk.sim:script { { status = 429, headers = { ["Retry-After"] = "40" } } }
      talk.client(options):chat(talk.request())
      local started = loop.now()
      assert.is_truthy(talk.client(options):chat(talk.request()))
      return loop.now() - started
    end
    assert.is_true(waits { limit = factories.limit({}, loop) } > 30)
    assert.is_true(waits {} < 30)
  end)

  it("of an empty account nobody pauses", function()
    local client = talk.client()
    talk.sim:script { { status = 429, reason = "NOT_ENOUGH_BALANCE" } }
    assert.is_nil((client:chat(talk.request())))
    assert.is_truthy(client:chat(talk.request(), { deadline = 0.3 }))
  end)
end)
