-- Many calls at once: order, concurrency, and what becomes of failures.

local novita = require("novita")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local HELD = 0.5 -- seconds

local request = streaming.request
local sim, client

-- A function for map that asks the simulator to repeat an item.
local function echo(item)
  return client:chat { model = "simulator/echo", message = tostring(item) }
end

-- The entry of a request that the client has left.
local function aborted()
  return sim:wait_for(function(entries)
    for _, entry in ipairs(entries) do
      if entry.aborted then return entry end
    end
  end)
end

local function texts(results)
  local list = {}
  for index, reply in ipairs(results) do list[index] = reply and reply:text() end
  return list
end

local function numbers(count)
  local list = {}
  for number = 1, count do list[number] = number end
  return list
end

describe("map", function()
  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    client = streaming.client()
  end)

  it("gives the results in the order of the items", function()
    sim:script {
      { match = "one", delay = 0.03 }, { match = "two", delay = 0.02 }, { match = "three" },
    }
    local results, summary = client:map({ "one", "two", "three" }, echo)
    assert.same({ "one", "two", "three" }, texts(results))
    assert.equal(3, summary.total)
    assert.equal(3, summary.done)
    assert.equal(3, summary.ok)
    assert.equal(0, summary.failed)
    assert.same({}, summary.errors)
    assert.is_true(summary.seconds >= 0.03)
  end)

  it("calls the function with each item and its number", function()
    assert.same({ "1a", "2b" }, (client:map({ "a", "b" }, function(item, index)
      return index .. item
    end)))
  end)

  it("performs a request for each item", function()
    local results, summary = client:map(numbers(3), request)
    assert.equal(3, #sim:journal())
    assert.equal(3 * results[1].usage.total_tokens, summary.usage.total_tokens)
    assert.equal(summary.usage.total_tokens,
      summary.usage.prompt_tokens + summary.usage.completion_tokens)
  end)

  for _, case in ipairs { { nil, 8 }, { 1, 1 }, { 3, 3 }, { 100, 20 } } do
    it("keeps to a concurrency of " .. tostring(case[1]), function()
      sim:script { { delay = HELD, uses = case[2] } } -- so long they all have to meet
      local results = client:map(numbers(20), echo, { concurrency = case[1] })
      assert.equal("20", results[20]:text())
      assert.equal(case[2], sim:stats().most_active)
      assert.equal(20, sim:stats().requests)
    end)
  end

  it("takes an empty list, and thousands of items that return at once", function()
    local results, summary = client:map({}, echo)
    assert.same({}, results)
    assert.equal(0, summary.total)
    results, summary = client:map(numbers(2000), function(item) return item * 2 end)
    assert.equal(2000, summary.ok)
    for number = 1, 2000 do assert.equal(number * 2, results[number]) end
  end)

  it("takes true for the result of a function that returns nothing", function()
    local results, summary = client:map({ "a", "b" }, function() end)
    assert.same({ true, true }, results)
    assert.equal(2, summary.ok)
  end)

  it("lets streams go on inside, together", function()
    sim:script { { delay = HELD, pace = 0.002, uses = 8 } }
    local results = client:map(numbers(10), function(item)
      local parts = {}
      local stream = assert(client:stream { model = "simulator/echo", message = "item " .. item })
      local chunk = stream:next()
      while chunk do
        parts[#parts + 1] = stream.said
        chunk = stream:next()
      end
      return table.concat(parts)
    end)
    for number = 1, 10 do assert.equal("item " .. number, results[number]) end
    assert.equal(8, sim:stats().most_active)
  end)

  it("runs inside a task, and inside itself", function()
    local task = novita.spawn(function()
      return (client:map({ "a", "b" }, function(outer)
        return (client:map({ "1", "2" }, function(inner) return echo(outer .. inner) end))
      end))
    end)
    local results = task:wait()
    assert.same({ "a1", "a2" }, texts(results[1]))
    assert.same({ "b1", "b2" }, texts(results[2]))
  end)

  it("is there without a client", function()
    assert.same({ 2, 3 }, (novita.map({ 1, 2 }, function(item) return item + 1 end)))
  end)

  it("refuses what it can't do", function()
    local function refused(pattern, ...)
      local ok, err = pcall(client.map, client, ...)
      assert.is_false(ok)
      assert.truthy(err:find(pattern, 1, true), err)
    end
    refused("items: expected a table", nil, echo)
    refused("map: expected a request or a function", {}, "x")
    refused('options.concurency: unknown option; did you mean "concurrency"?', {}, echo,
      { concurency = 3 })
    for _, value in ipairs { 0, -1, 1.5, "3", true } do
      refused("concurrency: ", { 1 }, echo, { concurrency = value })
    end
    refused("on_error: ", { 1 }, echo, { on_error = "halt" })
  end)
end)

describe("a failure in map", function()
  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    client = streaming.client()
  end)

  it("leaves the others alone", function()
    sim:script { { match = "item 2", status = 401 } }
    local results, summary = client:map({ "item 1", "item 2", "item 3" }, echo)
    assert.same({ "item 1", false, "item 3" }, texts(results))
    assert.equal(2, summary.ok)
    assert.equal(1, summary.failed)
    assert.equal("authentication", summary.errors[2].kind)
    assert.is_nil(summary.errors[1])
  end)

  it("may be raised in the function: the same value, no more", function()
    local thrown = {}
    local _, summary = client:map({ "value", "words", "nothing", "fine" }, function(item)
      assert(echo(item))
      if item == "value" then error(thrown) end
      if item == "words" then error("no luck", 0) end
      if item == "nothing" then return nil end
      return item
    end)
    assert.equal(thrown, summary.errors[1])
    assert.equal("no luck", summary.errors[2])
    assert.equal("no result", summary.errors[3])
    assert.equal(1, summary.ok)
    novita.run()
  end)

  it("stops the others where it is told to", function()
    sim:script {
      { match = "item 2", delay = HELD, status = 401 }, { match = "item 1", delay = 30 },
    }
    local items = { "item 1", "item 2", "item 3", "item 4" }
    local results, summary
    local seconds = streaming.took(function()
      results, summary = client:map(items, echo, { concurrency = 2, on_error = "stop" })
    end)
    assert.is_true(seconds < 10)
    assert.same({ false, false, false, false }, results)
    assert.equal(4, summary.done)
    assert.equal("cancelled", summary.errors[1].kind)
    assert.equal("authentication", summary.errors[2].kind)
    assert.truthy(tostring(summary.errors[3]):find("not started", 1, true))
    assert.equal(2, #sim:journal())
    assert.truthy(aborted().body:find("item 1", 1, true))
    assert.equal("item 5", echo("item 5"):text())
  end)

  it("keeps what was done when it stops the others", function()
    sim:script { { match = "item 3", status = 401 } }
    local results, summary = client:map({ "item 1", "item 2", "item 3", "item 4" }, echo,
      { concurrency = 1, on_error = "stop" })
    assert.same({ "item 1", "item 2", false, false }, texts(results))
    assert.equal(2, summary.ok)
    assert.equal(3, #sim:journal())
  end)

  it("is the end of all when the task around it is cancelled", function()
    sim:always { delay = 5 }
    local task = novita.spawn(function()
      return client:map(numbers(4), echo, { concurrency = 2 })
    end)
    repeat poll.sleep(0.01) until #sim:journal() == 2
    task:cancel()
    local results, summary = task:wait()
    assert.same({ false, false, false, false }, results)
    assert.equal("cancelled", summary.errors[1].kind)
    assert.equal("cancelled", summary.errors[4].kind)
    assert.equal(2, #sim:journal())
    assert.is_truthy(aborted())
  end)
end)

describe("the progress of map", function()
  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    client = streaming.client()
  end)

  it("is told after each item", function()
    local seen = {}
    client:map({ 1, 2, 3 }, function(item) return item ~= 2 or nil end, {
      on_progress = function(done, total, summary)
        seen[#seen + 1] = ("%d/%d %d ok"):format(done, total, summary.ok)
      end,
    })
    assert.same({ "1/3 1 ok", "2/3 1 ok", "3/3 2 ok" }, seen)
  end)

  it("is told of items that were never begun", function()
    local last
    client:map(numbers(5), function() return nil, "no" end, {
      concurrency = 1, on_error = "stop", on_progress = function(done) last = done end,
    })
    assert.equal(5, last)
  end)

  it("ends all when it raises, with the same value", function()
    sim:script { { match = "item 1" }, { match = "item 2", delay = 30 } }
    local thrown = { "enough" }
    local seconds = streaming.took(function()
      local ok, raised = pcall(client.map, client, { "item 1", "item 2", "item 3" }, echo, {
        concurrency = 2, on_progress = function() error(thrown) end,
      })
      assert.is_false(ok)
      assert.equal(thrown, raised)
    end)
    assert.is_true(seconds < 10)
    assert.is_true(#sim:journal() <= 2)
    novita.run()
  end)
end)
