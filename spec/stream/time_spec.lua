-- When things are out: events with the read that completed them, the end with [DONE]; and what
-- becomes of the connection.

local core = require("novita.core")
local novita = require("novita")
local socket = require("socket")

local poll = require("novita.loop.poll")

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local open, chunk, finish = streaming.open, streaming.chunk, streaming.finish
local sim

-- A stream whose server has fallen silent for good behind these events.
local function silent_behind(events, step)
  return open(streaming.silent(events, step), { idle_timeout = 0.05 })
end

describe("an event", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  for name, newline in pairs { LF = "\n", CR = "\r", CRLF = "\r\n" } do
    it("is out with the bytes that complete it, lines ending with " .. name, function()
      local stream = silent_behind({ chunk("a") }, { newline = newline })
      assert.equal("a", stream:next().choices[1].delta.content)
      assert.equal("timeout", select(2, stream:next()).kind)
    end)
  end

  it("is not out before them", function()
    local stream = silent_behind { { raw = "data: " .. chunk("a") .. "\n" } }
    local first, err = stream:next()
    assert.is_nil(first)
    assert.equal("idle", err.reason)
  end)

  it("comes when the server sends it, not later", function()
    local stream = open { pace = 0.01 }
    local last, longest, count = core.now(), 0, 0
    for _ in stream:chunks() do
      longest, last, count = math.max(longest, core.now() - last), core.now(), count + 1
    end
    local entry = streaming.entry()
    assert.is_true(entry.last_byte - entry.first_byte > 0.01 * (count - 2))
    assert.is_true(longest < 0.05 + streaming.slack)
  end)

  it("comes alone, however many were in one read", function()
    local stream = open { events = { chunk("a"), chunk("b"), chunk("c", "stop") } }
    assert.equal("a", stream:next().choices[1].delta.content)
    stream:cancel()
    assert.equal("cancelled", select(2, stream:next()).kind)
  end)

  for _, size in ipairs { 1, 7, 100 } do
    it("may come in pieces of " .. size .. " bytes", function()
      local reply = streaming.succeeds { split = size, newline = "mixed", bom = true,
        comments = true }
      assert.equal(streaming.succeeds():text(), reply:text())
    end)
  end
end)

describe("stream:next", function()
  it("takes a number of seconds, and nothing else", function()
    local stream = streaming.open(streaming.silent { streaming.chunk("Hi") })
    assert.is_table(stream:next())
    for _, wrong in ipairs { 0 / 0, -1, "1", {} } do
      assert.has_error(function() stream:next(wrong) end)
    end
    assert.is_false(stream:next(0))
    stream:cancel()
  end)

  -- All have news at once; one then blocks in a coroutine, while those before it in the list of
  -- the turn end their waits.
  it("returns false after that time, whatever others do", function()
    sim:reset()
    local client, streams, late = streaming.client(), {}, {}
    for number = 1, 6 do
      local stream = streaming.open(streaming.silent({ chunk("a"), chunk("b") }, { pace = 0.1 }))
      assert(stream:next())
      streams[number] = stream
    end
    for number, stream in ipairs(streams) do
      novita.spawn(function()
        assert(stream:next())
        if number == 2 then
          sim:script { { delay = 0.45 } }
          coroutine.wrap(function() assert(client:chat(streaming.request)) end)()
        end
        local seconds = streaming.took(function() assert.is_false(stream:next(0.5)) end)
        if seconds > 0.5 + streaming.slack then late[number] = seconds end
        stream:cancel()
      end)
    end
    socket.sleep(0.3)
    novita.run()
    assert.same({}, late)
  end)
end)

describe("[DONE]", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local function ends_at_once(step)
    sim:script { step }
    local stream = open()
    local reply
    local seconds = streaming.took(function() reply = assert(stream:reply()) end)
    assert.is_true(seconds < streaming.slack)
    return reply
  end

  it("ends the call although the server keeps the connection open", function()
    ends_at_once { final_chunk = false, ending = "stall" }
    ends_at_once { version = "1.0", ending = "stall" }
  end)

  it("ends it whatever comes behind", function()
    local events = { chunk("Hi", "stop"), "[DONE]", { raw = "data: {junk\n\n\0\255" } }
    for _ = 1, 300 do events[#events + 1] = chunk((" more"):rep(100)) end
    assert.equal("Hi", ends_at_once({ events = events, done = false }):text())
    assert.equal("Hi", ends_at_once({ events = events, done = false, pace = 0.001 }):text())
    assert.equal("stop", ends_at_once({ ending = "reset" }).choices[1].finish_reason)
  end)

  it("may have blanks around it, or come as the last line without a line end", function()
    local function says(raw)
      return streaming.succeeds { events = { chunk("Hi", "stop"), { raw = raw } }, done = false }
    end
    for _, raw in ipairs { "data:   [DONE]  \n\n", "data:[DONE]\r\r", "data: [DONE]\n",
      "data: [DONE]" } do
      assert.equal("Hi", says(raw):text())
    end
  end)

  it("drops a connection on which the server babbles on", function()
    local events = { chunk("Hi", "stop"), "[DONE]" }
    for _ = 1, 1000 do events[#events + 1] = chunk("more") end
    ends_at_once { events = events, done = false, pace = 0.005 }
    poll.sleep(0.05)
    assert.is_true(streaming.entry(1).aborted)
  end)
end)

describe("the connection", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local function connections()
    local numbers = {}
    for index, entry in ipairs(sim:journal()) do numbers[index] = entry.connection end
    return numbers
  end

  it("is used again after a stream", function()
    local client = streaming.client()
    for _ = 1, 3 do assert(assert(client:stream(streaming.request)):reply()) end
    assert(client:chat(streaming.request))
    local numbers = connections()
    assert.equal(4, #numbers)
    for _, number in ipairs(numbers) do assert.equal(numbers[1], number) end
  end)

  it("is used again when the end of its framing came later", function()
    local late = { events = { chunk("a"), finish("stop"), "[DONE]", { raw = "" } }, done = false,
      pace = 0.01 }
    sim:script { late, late }
    for _ = 1, 3 do
      assert(open():reply())
      sim:wait_for(function() return sim:stats().active == 0 end)
    end
    local numbers = connections()
    assert.equal(numbers[1], numbers[2])
    assert.equal(numbers[1], numbers[3])
  end)

  it("is not used again after a cut", function()
    streaming.fails { cut_pieces = 2 }
    streaming.fails { events = { chunk("a"), "{" } }
    streaming.succeeds()
    local numbers = connections()
    assert.not_equal(numbers[1], numbers[2])
  end)
end)
