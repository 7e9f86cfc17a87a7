-- Event streams with the oddities a script asks for.

local cjson = require("cjson")
local socket = require("socket")

local ask = require("spec.support.simulator_http")
local simulator = require("spec.support.simulator_client")

local sim

describe("a step for a stream", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local function body_after(step)
    sim:script { step }
    return ask.chat({ model = "simulator/count-3", stream = true }).body
  end

  it("send any events", function()
    assert.are.equal("data: one\n\ndata: two\ndata: lines\n\n: raw\n\ndata: [DONE]\n\n",
      body_after { events = { "one", "two\nlines", { raw = ": raw\n\n" } } })
    assert.are.equal("data:one\r\n\r\n",
      body_after { events = { "one" }, done = false, newline = "\r\n", space = false })
    assert.are.equal("event: e\rdata: one\r\rdata: [DONE]\r\r",
      body_after { events = { "one" }, event = "e", newline = "\r" })
    assert.are.equal("data: [DONE]\n\n", body_after { events = { "[DONE]" } })
  end)

  it("mix line endings so that every event still ends", function()
    local body = body_after { events = { "a", "b", "c", "d" }, newline = "mixed" }
    body = body:gsub("\r\n", "\n"):gsub("\r", "\n")
    assert.are.same({ "a", "b", "c", "d", "[DONE]" }, ask.events(body))
  end)

  it("begin with a BOM and keep alive with comments", function()
    local body = body_after { bom = true, comments = true }
    assert.are.equal("\239\187\191: keep-alive\n\ndata: {", body:sub(1, 24))
    assert.is_truthy(body:find("\n\n: keep-alive\n\ndata: {", 1, true))
    assert.is_truthy(body_after({ comments = ": OPENROUTER" }):find("^: OPENROUTER\n\n"))
  end)

  it("break off with an error", function()
    local events = ask.events(body_after { mid_error = "A" })
    assert.are.equal(4, #events)
    assert.are.equal(500, cjson.decode(events[4]).code)
    events = ask.events(body_after { mid_error = { envelope = "B", after = 1, status = 429 },
      done = true })
    assert.are.equal("server_overload", cjson.decode(events[2]).type)
    assert.are.equal("[DONE]", events[3])
    events = ask.events(body_after { mid_error = { envelope = "C", after = 0, message = "no" } })
    assert.are.equal("no", cjson.decode(events[1]).error.message)
    assert.is_truthy(body_after({ mid_error = { data = "x", event = "error" } })
      :find("event: error\ndata: x\n\n$"))
  end)

  it("stop without a word", function()
    assert.are.equal(5, #ask.events(body_after { done = false }))
    sim:script { { cut_pieces = 2 } }
    local answer = ask.chat({ model = "simulator/count-3", stream = true })
    assert.are.equal(2, #ask.events(answer.body))
    assert.are.equal("closed", answer.cut)
    sim:script { { cut_pieces = 2, ending = "stall", stall = 0.01 } }
    answer = ask.chat({ model = "simulator/count-3", stream = true })
    assert.are.equal(6, #ask.events(answer.body))
    assert.is_nil(answer.cut)
    sim:script { { cut = 10, ending = "reset" } }
    answer = ask.chat({ model = "simulator/count-3", stream = true })
    assert.are.equal('data: {"id', answer.body)
  end)

  it("place usage as told", function()
    local counts = { last = 1, finish = 1, every = 5, none = 0 }
    for place, count in pairs(counts) do
      local _, found = body_after({ usage = place }):gsub('"usage":{', "")
      assert.are.equal(count, found, place)
    end
  end)

  it("cut the bytes of the stream anywhere", function()
    local whole = body_after {}
    sim:script { { piece = 7 }, { join = true }, { piece = 1000, chunked = false } }
    local answer = ask.chat({ model = "simulator/count-3", stream = true })
    assert.are.equal(whole, answer.body)
    assert.are.equal(math.ceil(#whole / 7), #answer.chunks)
    assert.are.same({ whole }, ask.chat({ model = "simulator/count-3", stream = true }).chunks)
    answer = ask.chat({ model = "simulator/count-3", stream = true })
    assert.are.equal(whole, answer.body)
    assert.is_nil(answer.header["transfer-encoding"])
  end)

  it("pace events", function()
    local started = socket.gettime()
    body_after { pace = 0.005 }
    assert.is_true(socket.gettime() - started >= 0.025)
  end)
end)
