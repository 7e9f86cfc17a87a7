-- Cancelling: in each phase, by each way, seen by the server at once, and harmless to what follows.

local novita = require("novita")

local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local chunk, open, request = streaming.chunk, streaming.open, streaming.request
local has_close = _VERSION == "Lua 5.4"
local sim

local function collect()
  collectgarbage()
  collectgarbage()
end

-- The server has noticed, and the client works on another connection.
local function left_at_once()
  local entry = streaming.entry()
  assert.is_true(entry.aborted)
  local reply = streaming.succeeds()
  assert.is_nil(reply:text():find("left", 1, true))
  assert.not_equal(entry.connection, sim:journal()[2].connection)
end

describe("cancel()", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("stops a stream whose server is silent", function()
    local stream = open(streaming.silent { chunk("left") })
    assert.is_truthy(stream:next())
    assert.is_true(streaming.took(function() stream:cancel() end) < streaming.slack / 4)
    local none, err = stream:next()
    assert.is_nil(none)
    assert.equal("cancelled", err.kind)
    assert.equal("stream", err.phase)
    assert.equal(200, err.status)
    assert.equal("left", err.partial:text())
    assert.equal(err, select(2, stream:reply()))
    left_at_once()
  end)

  it("stops a stream that nothing was read of", function()
    local stream = open(streaming.silent {})
    stream:cancel()
    assert.is_nil(select(2, stream:next()).partial)
    left_at_once()
  end)

  it("stops a busy stream; what was not read is not given", function()
    local stream = open({ pace = 0.005 }, nil, { model = "simulator/count-100", message = "" })
    local first = stream:next()
    poll.sleep(0.04)
    stream:cancel()
    assert.is_truthy(first)
    assert.equal("cancelled", select(2, stream:next()).kind)
    left_at_once()
  end)

  it("does nothing twice, and nothing after the end", function()
    local stream = open()
    local reply = assert(stream:reply())
    stream:cancel()
    assert.same(reply, (stream:reply()))
    stream = open { cut_pieces = 2 }
    local _, err = streaming.drain(stream)
    stream:cancel()
    assert.equal(err, select(2, stream:next()))
  end)

  it("never raises, wherever a hook has interrupted the reading", function()
    for at = 1, 1200, 7 do
      local stream = open { events = { chunk("a") }, done = false }
      pcall(function()
        debug.sethook(function()
          debug.sethook()
          error("interrupted", 0)
        end, "", at)
        stream:reply()
        debug.sethook()
      end)
      stream:cancel()
      assert.is_true(stream.over)
    end
  end)

  it("raises in a loop, where somebody else called it", function()
    local stream = open(streaming.silent { chunk("a") })
    local ok, err = pcall(function()
      for _ in stream:chunks() do stream:cancel() end
    end)
    assert.is_false(ok)
    assert.equal("cancelled", err.kind)
  end)

  it("wakes the task that waits for the stream", function()
    local stream, err = open(streaming.silent {}), nil
    local reader = novita.spawn(function() err = select(2, stream:next()) end)
    novita.spawn(function()
      poll.sleep(0.01)
      stream:cancel()
    end)
    assert.is_true(streaming.took(function() reader:wait() end) < streaming.slack)
    assert.equal("cancelled", err.kind)
    left_at_once()
  end)
end)

describe("a cancelled task", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  -- What a call in a task returns that is cancelled a little later.
  local function cancelled(options, fn)
    local client, results = streaming.client(options), nil
    local task = novita.spawn(function() results = { fn(client) } end)
    local seconds = streaming.took(function()
      poll.sleep(0.02)
      task:cancel()
      task:wait()
    end)
    assert.is_true(seconds < 0.02 + streaming.slack)
    assert.is_nil(results[1])
    assert.equal("cancelled", results[2].kind)
    return results[2]
  end

  local ways = {
    stream = function(client) return client:stream(request) end,
    chat = function(client) return client:chat(request) end,
    aloud = function(client) return client:chat(request, { on_text = function() end }) end,
    read = function(client)
      local stream, err = client:stream(request)
      if not stream then return nil, err end
      return stream:reply()
    end,
  }

  for name, way in pairs(ways) do
    it("leaves while it connects: " .. name, function()
      local url, close = simulator.deaf()
      local err = cancelled({ base_url = url }, way)
      close()
      assert.equal("connect", err.phase)
      assert.equal(0, #sim:journal())
    end)

    it("leaves while it waits for the status: " .. name, function()
      sim:script { { delay = 5 } }
      assert.equal("headers", cancelled(nil, way).phase)
      left_at_once()
    end)

    it("leaves while it waits for the rest of the headers: " .. name, function()
      sim:script { { delay_headers = 5 } }
      assert.equal("headers", cancelled(nil, way).phase)
      left_at_once()
    end)
  end

  for _, name in ipairs { "aloud", "read" } do
    it("leaves in the middle of a stream: " .. name, function()
      sim:script { streaming.silent { chunk("left") } }
      local err = cancelled(nil, ways[name])
      assert.equal("stream", err.phase)
      assert.equal("left", err.partial:text())
      left_at_once()
    end)
  end

  it("leaves in the body of a plain answer", function()
    sim:script { { cut = 20, ending = "stall" } }
    assert.equal("body", cancelled(nil, ways.chat).phase)
    left_at_once()
  end)

  it("leaves the stream that it reads next, if it waited for nothing then", function()
    sim:script { streaming.silent { chunk("left") } }
    local client, results = streaming.client { idle_timeout = 5 }, nil
    local task = novita.spawn(function()
      local stream = assert(client:stream(request))
      stream:next()
      poll.current():cancel()
      results = { stream:next() }
    end)
    assert.is_true(streaming.took(function() task:join() end) < streaming.slack)
    assert.equal("cancelled", results[2].kind)
    left_at_once()
  end)

  it("sends nothing any more", function()
    local results
    local task = novita.spawn(function()
      poll.sleep(5)
      results = { streaming.client():chat(request) }
    end)
    task:cancel()
    task:wait()
    assert.equal("cancelled", results[2].kind)
    assert.equal(0, #sim:journal())
  end)

  it("sleeps no more", function()
    local task = novita.spawn(function()
      local whole = poll.sleep(5)
      return whole, poll.sleep(5)
    end)
    task:cancel()
    assert.is_true(streaming.took(function() task:join() end) < streaming.slack)
    assert.same({ true, false, false }, { task:join() })
  end)
end)

describe("a stream that is left", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("is stopped when it is collected", function()
    local function leave()
      local stream = open(streaming.silent { chunk("left") })
      for text in stream:text() do return text end -- luacheck: ignore 512
    end
    assert.equal("left", leave())
    collect()
    left_at_once()
  end)

  it("is stopped when an error in the loop has left it", function()
    local ok = pcall(function()
      for _ in open(streaming.silent { chunk("left") }):chunks() do error("no") end
    end)
    assert.is_false(ok)
    collect()
    left_at_once()
  end)

  it("is stopped when nobody ever read it", function()
    open(streaming.silent {})
    collect()
    left_at_once()
  end)

  if has_close then
    local load = load

    it("is stopped at once by the end of the loop", function()
      local stream = open(streaming.silent { chunk("left") })
      for _ in stream:text() do break end -- luacheck: ignore 512
      assert.equal("cancelled", select(2, stream:next()).kind)
      left_at_once()
    end)

    it("is stopped at once by <close>", function()
      local stream = open(streaming.silent { chunk("left") })
      load("local stream <close> = ...; return stream:next()")(stream)
      assert.equal("cancelled", select(2, stream:next()).kind)
      left_at_once()
    end)

    it("is whole to <close> when it has ended", function()
      local stream = open()
      local reply = load("local stream <close> = ...; return stream:reply()")(stream)
      assert.same(reply, (stream:reply()))
    end)
  end
end)
