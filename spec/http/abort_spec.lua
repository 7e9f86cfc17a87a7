-- A call over HTTP/2 that its caller gives up ends for the server at once, whatever else uses the
-- connection. The server is nghttpx, which ends its own request to the simulator then.

local novita = require("novita")
local core = require("novita.core")

local http2 = require("spec.support.http2")
local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local SECONDS = 0.1 * (tonumber(os.getenv("NOVITA_SPEC_SLOWNESS")) or 1)

local front = http2.start()
local sim, client

if not front then pending(http2.MISSING) return end

local SILENT = streaming.silent { streaming.chunk("a") }
local MUTE = { delay = 60 }

-- How many of the requests the server sees as given up, once there are so many; nothing is polled
-- meanwhile.
local function given_up(count)
  local function counted(entries)
    local seen = 0
    for _, entry in ipairs(entries) do seen = seen + (entry.client_closed and 1 or 0) end
    return seen
  end
  sim:wait_for(function(entries) return counted(entries) >= count end, SECONDS)
  return counted(sim:journal())
end

local function request_of(text)
  return { model = streaming.model, message = text }
end

-- So many streams that have given one token and say nothing more.
local function silent_streams(count)
  local streams = {}
  for number = 1, count do
    streams[number] = assert(client:stream(request_of("silent")))
    streams[number]:next()
  end
  return streams
end

-- Ways to give up a call.
local WAYS = {
  ["cancel()"] = function()
    local stream = assert(client:stream(streaming.request))
    stream:next()
    stream:cancel()
  end,
  ["leaving a loop"] = function()
    for _ in assert(client:stream(streaming.request)):text() do break end -- luacheck: ignore
    collectgarbage()
    collectgarbage()
  end,
  ["collection"] = function()
    local stream = assert(client:stream(streaming.request))
    stream:next()
    stream = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
  end,
  ["a deadline"] = function()
    local stream = assert(http2.client(front, { deadline = 0.5 }):stream(streaming.request))
    stream:next()
    assert.equal("deadline", select(2, stream:next()).reason)
  end,
  ["an idle time-out"] = function()
    local stream = assert(http2.client(front, { idle_timeout = 0.1 }):stream(streaming.request))
    stream:next()
    assert.equal("idle", select(2, stream:next()).reason)
  end,
  ["a time-out before the first byte"] = function()
    sim:script { MUTE }
    local _, err = http2.client(front, { first_byte_timeout = 0.1 }):chat(streaming.request)
    assert.equal("first_byte", err.reason)
  end,
  ["a ceiling"] = function()
    sim:script { streaming.silent { ("x"):rep(5000) } }
    local stream = assert(http2.client(front, { max_event_bytes = 1000 }):stream(streaming.request))
    assert.equal("response_too_large", select(2, stream:next()).kind)
    stream = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
  end,
  ["a response too large"] = function()
    sim:script { { body = ("x"):rep(5000), ending = "stall", cut = 4000 } }
    local _, err = http2.client(front, { max_response_bytes = 1000 }):chat(streaming.request)
    assert.equal("response_too_large", err.kind)
  end,
  ["an answer that libcurl can't decode"] = function()
    sim:script {
      { headers = { ["Content-Encoding"] = "gzip" }, body = ("x"):rep(5000), ending = "stall",
        cut = 4000 },
    }
    local _, err = client:chat(streaming.request)
    assert.equal("protocol", err.reason)
  end,
  ["a task that is cancelled before the answer"] = function()
    sim:script { MUTE }
    local before = sim:stats().requests
    local task = novita.spawn(function() return client:chat(streaming.request) end)
    repeat poll.sleep(0.01) until sim:stats().requests > before
    task:cancel()
  end,
}

describe("over HTTP/2", function()
  setup(function() sim = simulator.shared() end)
  teardown(function() front:stop() end)
  before_each(function()
    poll.pool():close()
    sim:reset()
    sim:always(SILENT)
    client = http2.client(front)
    sim:wait_for(function() return sim:stats().active == 0 end)
    sim:reset()
    sim:always(SILENT)
  end)

  for name, give_up in pairs(WAYS) do
    it(name .. " reaches the server, alone", function()
      give_up()
      assert.equal(1, given_up(1))
    end)

    it(name .. " reaches the server, beside 20 silent streams", function()
      local streams = silent_streams(20)
      give_up()
      assert.equal(1, given_up(1))
      for _, stream in ipairs(streams) do assert.is_true(stream.info.http_version == "2") end
    end)
  end

  it("each of 20 that are given up in a row reaches the server", function()
    local streams = silent_streams(20)
    for number, stream in ipairs(streams) do
      stream:cancel()
      assert.equal(number, given_up(number))
    end
  end)

  it("the others go on, and the connection is used again", function()
    sim:reset()
    sim:script { { pace = 0.01 }, SILENT, { pace = 0.01 } }
    local first = assert(client:stream(streaming.request))
    first:next()
    local second = assert(client:stream(streaming.request))
    second:next()
    second:cancel()
    assert.equal(1, given_up(1))
    assert.equal("stop", assert(first:reply()).choices[1].finish_reason)
    local _, info = assert(client:chat(streaming.request))
    assert.is_true(info.reused)
  end)

  it("beside streams that nobody reads, which lose nothing", function()
    sim:reset()
    local slow = {}
    for number = 1, 2 do
      slow[number] = assert(client:stream { model = "simulator/count-20000", message = "" })
      slow[number]:next()
    end
    sim:script { SILENT }
    local other = assert(client:stream(streaming.request))
    other:next()
    local till = core.now() + 0.1
    while core.now() < till do poll.pool():poll(0.01) end
    other:cancel()
    assert.equal(1, given_up(1))
    for _, stream in ipairs(slow) do
      assert.equal("20000", assert(stream:reply()):text():match("%d+$"))
    end
  end)

  it("a stream that was read to its end, beside another, once that is read for a second", function()
    local other = silent_streams(1)[1]
    sim:script { { ending = "stall", final_chunk = false } }
    assert(assert(client:stream(streaming.request)):reply())
    assert.equal(0, given_up(1))
    assert.is_false(other:next(1.1))
    assert.equal(1, given_up(1))
  end)

  it("a stream that was read to its end, alone, although nothing polls again", function()
    sim:script { { ending = "stall", final_chunk = false } }
    assert(assert(client:stream(streaming.request)):reply())
    assert.equal(1, given_up(1))
  end)
end)
