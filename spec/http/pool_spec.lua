-- A pool drives many transfers at once, and says which of them have news.
-- Covers: src/bytes/list.c src/http/drive.c src/lua/pool.c

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local FOREVER = 30

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

local function request(text)
  return { model = wire.model, message = text }
end

describe("pool:poll", function()
  local pool

  before_each(function() pool = core.pool() end)
  after_each(function() pool:close() end)

  it("does not wait unless it is told to", function()
    assert(pool:chat(wire.request, wire.options { deadline = 5 }))
    sim:always { delay = FOREVER }
    assert.is_true(wire.took(function() for _ = 1, 10 do pool:poll() end end) < wire.slack)
    assert.is_true(wire.took(function() for _ = 1, 10 do pool:poll(0) end end) < wire.slack)
    assert.is_true(wire.took(function() for _ = 1, 10 do pool:poll(-1) end end) < wire.slack)
  end)

  it("waits as long as it is told when there is nothing else to do", function()
    local seconds = wire.took(function() assert.are.equal(0, pool:poll(0.03)) end)
    assert.is_true(seconds >= 0.029 and seconds < 0.03 + wire.slack, seconds)
    sim:always { delay = FOREVER }
    local transfer = assert(pool:chat(wire.request, wire.options()))
    seconds = wire.took(function()
      repeat assert.are.equal(1, pool:poll(0.03)) until sim:journal()[1]
    end)
    assert.is_true(seconds >= 0.029 and seconds < 0.1 + wire.slack, seconds)
    transfer:close()
  end)

  it("never waits for a time that is no number", function()
    assert.has_error(function() pool:poll(0 / 0) end)
    assert.is_true(wire.took(function() pool:poll(-1) end) < wire.slack / 4)
    assert.is_true(wire.took(function() pool:poll(-math.huge) end) < wire.slack / 4)
  end)

  it("returns when there is news", function()
    local transfer = assert(pool:chat(wire.request, wire.options()))
    local seconds = wire.took(function()
      while pool:poll(10) > 0 do assert.is_nil(transfer:reply()) end
    end)
    assert.is_true(seconds < wire.slack)
    assert.are.equal(transfer, pool:ready())
    assert.is_nil(pool:ready())
    assert.is_table(transfer:reply())
  end)

  it("returns when there is news of one transfer, and keeps that of others", function()
    sim:script { { delay = 0.1, match = "later" } }
    local sooner = assert(pool:chat(request("sooner"), wire.options()))
    local later = assert(pool:chat(request("later"), wire.options()))
    while not sooner:news() do pool:poll(10) end
    local waits = 0
    while not later:news() do
      pool:poll(10, later)
      waits = waits + 1
    end
    assert.are.equal(1, waits)
    local ready = { [pool:ready()] = true, [pool:ready()] = true }
    assert.is_true(ready[sooner] and ready[later])
    assert.has_error(function() pool:poll(0, pool) end)
  end)

  it("says whether a transfer has news: also if it, or its pool, is closed", function()
    sim:script { { delay = FOREVER, match = "later" } }
    local sooner, slot = assert(pool:chat(request("sooner"), wire.options()))
    assert.are.equal(sooner:slot(), slot)
    local later = assert(pool:chat(request("later"), wire.options()))
    assert.is_true(select(2, pool:poll(10, sooner)))
    assert.is_false(select(2, pool:poll(0, later)))
    sooner:close()
    assert.is_true(select(2, pool:poll(10, sooner)))
    pool:close()
    assert.is_true(select(2, pool:poll(10, later)))
    assert.error_matches(function() pool:poll(0) end, "closed pool")
    assert.are.equal("cancelled", select(2, later:reply()).kind)
  end)

  it("returns at once as long as news is not taken", function()
    local transfer = assert(pool:chat(wire.request, wire.options()))
    while pool:poll(10) > 0 do assert.is_nil(pool:ready()) end
    assert.is_true(wire.took(function() pool:poll(10) end) < wire.slack)
    assert.are.equal(transfer, pool:ready())
  end)

  it("counts what is in flight", function()
    sim:always { delay = FOREVER }
    assert.are.equal("novita.pool (0 in flight)", tostring(pool))
    local one = assert(pool:chat(wire.request, wire.options()))
    local two = assert(pool:chat(wire.request, wire.options()))
    assert.are.equal(2, pool:poll(0))
    assert.are.equal("novita.pool (2 in flight)", tostring(pool))
    one:cancel()
    assert.are.equal(1, pool:poll(0))
    two:close()
    assert.are.equal(0, pool:poll(0))
    assert.are.equal("novita.transfer (done)", tostring(one))
    assert.are.equal("novita.transfer (closed)", tostring(two))
  end)

  it("serves many at once, each with its own answer", function()
    local COUNT = 40
    sim:always { delay = 0.2 } -- time enough for all to arrive, on a busy machine too
    local transfers, left = {}, COUNT
    local seconds = wire.took(function()
      for index = 1, COUNT do
        transfers[assert(pool:chat(request("call " .. index), wire.options()))] = index
      end
      while left > 0 do
        pool:poll(10)
        for transfer in function() return pool:ready() end do
          local reply = assert(transfer:reply())
          local expected = ('You asked: "call %d"'):format(transfers[transfer])
          assert.are.equal(expected, reply:text():sub(1, #expected))
          left = left - 1
        end
      end
    end)
    assert.are.equal(COUNT, sim:stats().most_active)
    assert.is_true(seconds < 0.2 + 2 * wire.slack, seconds)
  end)

  it("keeps the connections of a burst for the next one", function()
    sim:always { delay = 0.03 }
    for _ = 1, 3 do
      local transfers = {}
      for index = 1, 12 do transfers[index] = assert(pool:chat(wire.request, wire.options())) end
      while pool:poll(10) > 0 do repeat until not pool:ready() end
      for index = 1, 12 do assert(transfers[index]:reply()) end
    end
    local used, count = {}, 0
    for _, entry in ipairs(sim:journal()) do
      if not used[entry.connection] then count = count + 1 end
      used[entry.connection] = true
    end
    assert.are.equal(12, count)
  end)

  it("forgets a transfer that is closed before its news is taken", function()
    local kept = assert(pool:chat(request("one"), wire.options()))
    local closed = assert(pool:chat(request("two"), wire.options()))
    repeat until pool:poll(10) == 0
    closed:close()
    assert.are.equal(kept, pool:ready())
    assert.is_nil(pool:ready())
    assert.is_table(kept:reply())
  end)
end)

describe("pool:request", function()
  local pool

  before_each(function() pool = core.pool() end)
  after_each(function() pool:close() end)

  local function finish(transfer)
    while pool:poll(10) > 0 do repeat until not pool:ready() end
    return transfer:reply()
  end

  it("asks any endpoint", function()
    local models, info = finish(pool:request({ path = "/models" }, wire.options()))
    assert.is_table(models.data)
    assert.are.equal(200, info.status)
    local entry = sim:journal()[1]
    assert.are.equal("GET", entry.method)
    assert.are.equal("Bearer " .. wire.key, entry.header.authorization)
    assert.is_nil(entry.header["content-type"])
  end)

  it("goes to the URL of each, whatever the one before went to", function()
    local here = sim.url
    local other = here:gsub("127%.0%.0%.1", "localhost")
    local sent, seen = {}, {}
    for number, case in ipairs {
      { here, "/a" }, { here, "/a" }, { here, "/b" }, { other, "/b" }, { here, "/b" },
      { here, "/b?c=1" }, { other, "/a" }, { here, "/a" },
    } do
      local base, path = case[1], case[2]
      sim:script { { body = "{}" }, { body = "{}" } }
      local options = wire.options { base_url = base }
      local first = pool:request({ path = path }, options)
      assert.are.same({}, finish(pool:request({ path = path .. number }, options)))
      assert.are.same({}, finish(first))
      for _, target in ipairs { path, path .. number } do
        sent[#sent + 1] = (base:match("//([^/]+)") .. " " .. base:match("//[^/]+(.*)") .. target)
      end
    end
    for index, entry in ipairs(sim:journal()) do
      seen[index] = entry.header.host .. " " .. entry.path
    end
    table.sort(sent)
    table.sort(seen)
    assert.are.same(sent, seen)
  end)

  it("sends a body and any method", function()
    for _, method in ipairs { "POST", "PUT", "PATCH" } do
      sim:script { { body = "{}" } }
      finish(pool:request({ method = method, path = "/x", body = '{"a":1}' }, wire.options()))
      local entries = sim:journal()
      assert.are.equal(method, entries[#entries].method)
      assert.are.equal('{"a":1}', entries[#entries].body)
    end
    sim:script { { body = "{}" } }
    finish(pool:request({ method = "DELETE", path = "/x" }, wire.options()))
    assert.are.equal("DELETE", sim:journal()[4].method)
  end)

  it("raises when it is used wrongly", function()
    for _, wrong in ipairs { {}, { path = "models" }, { path = "/a b" }, { path = "/a\r\nX: y" },
      { path = 1 }, { path = "/x", body = {} } } do
      assert.has_error(function() pool:request(wrong, wire.options()) end)
    end
    assert.has_error(function() pool:request("/models", wire.options()) end)
    assert.has_error(function() pool:chat(1, wire.options()) end)
    assert.has_error(function() pool:chat(wire.request, { no_such_option = 1 }) end)
    assert.are.equal("novita.pool (0 in flight)", tostring(pool))
  end)
end)

describe("two coroutines", function()
  it("can each have a call under way on one pool", function()
    local pool, order = core.pool(), {}
    local function run(name, delay)
      sim:script { { delay = delay } }
      local transfer = assert(pool:chat(request(name), wire.options()))
      local reply, info = transfer:reply()
      while reply == nil and info == nil do
        coroutine.yield()
        reply, info = transfer:reply()
      end
      order[#order + 1] = name
      assert.is_truthy(reply:text():find(name, 1, true))
    end
    local slow, fast = coroutine.create(run), coroutine.create(run)
    assert(coroutine.resume(slow, "slow", 0.06))
    sim:wait_for(function(entries)
      pool:poll(0)
      return #entries == 1
    end)
    assert(coroutine.resume(fast, "fast", 0.01))
    while pool:poll(1) > 0 or #order < 2 do
      repeat until not pool:ready()
      if coroutine.status(fast) ~= "dead" then assert(coroutine.resume(fast)) end
      if coroutine.status(slow) ~= "dead" then assert(coroutine.resume(slow)) end
    end
    assert.are.same({ "fast", "slow" }, order)
  end)

  it("can make blocking calls in turn", function()
    local function run(name)
      for _ = 1, 3 do
        local reply = assert(wire.chat(nil, request(name)))
        coroutine.yield(reply:text():find(name, 1, true))
      end
    end
    local one, two = coroutine.wrap(run), coroutine.wrap(run)
    for _ = 1, 3 do
      assert.is_truthy(one("first"))
      assert.is_truthy(two("second"))
    end
    assert.are.equal(6, #sim:journal())
  end)
end)
