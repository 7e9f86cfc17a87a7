-- What the journal tells.

local ask = require("spec.support.simulator_http")
local raw = require("spec.support.socket_http")
local simulator = require("spec.support.simulator_client")

local sim

describe("the journal", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("has the request as it came", function()
    local body = '{"model":"simulator/echo"}\0'
    raw.request(sim.url, { path = "/chat/completions?x=1", body = body,
      headers = { "X-Twice: a", "x-twice:  b " } })
    local entry = sim:journal()[1]
    assert.are.equal(1, entry.number)
    assert.are.equal("POST", entry.method)
    assert.are.equal("/openai/v1/chat/completions?x=1", entry.path)
    assert.are.equal("1.1", entry.version)
    assert.are.equal(body, entry.body)
    assert.are.equal("a, b", entry.header["x-twice"])
    assert.are.same({ "X-Twice", "a" }, entry.headers[4])
    assert.are.equal("Bearer sk_spec", entry.header.authorization)
    assert.is_false(entry.tls)
    assert.are.equal(400, entry.status)
  end)

  it("has the times and sizes of the answer", function()
    sim:script { { delay = 0.01, delay_body = 0.01, body = "x", connection = "close" } }
    local text = ask.open():read_all()
    local entry = sim:wait_for(function(entries) return entries[1].last_byte and entries[1] end)
    assert.is_true(entry.first_byte - entry.received >= 0.01)
    assert.is_true(entry.last_byte - entry.first_byte >= 0.01)
    assert.is_true(entry.complete)
    assert.is_nil(entry.aborted)
    assert.are.equal(#text, sim:wait_for(function(entries) return entries[1].sent end))
  end)

  it("notices at once that a client left", function()
    local steps = { { delay = 5 }, { delay_body = 5 }, { pace = 5 }, { cut = 3, ending = "stall" },
      { piece = 1, pause = 5 } }
    for index, step in ipairs(steps) do
      sim:script { step }
      local wire = ask.open { model = "simulator/count-3", stream = true }
      assert.is_truthy(sim:wait_for(function(entries)
        return index == 1 and entries[index] or entries[index] and entries[index].first_byte
      end))
      wire:close()
      local entry = sim:wait_for(function(entries)
        return entries[index].aborted and entries[index]
      end)
      assert.is_truthy(entry, "step " .. index)
      assert.is_true(entry.client_closed - entry.received < 1)
    end
  end)

  it("has nothing after a reset of requests that were given up before", function()
    for _ = 1, 100 do
      local wire = raw.connect(sim.url)
      wire:send_bytes("POST /openai/v1/files HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
      wire:close()
      sim:reset()
      ask.chat()
      assert.are.equal(1, #sim:journal())
    end
  end)

  it("waits for what is to come, and gives up", function()
    assert.is_nil(sim:wait_for(function(entries) return entries[1] end, 0.01))
    ask.chat()
    assert.are.equal("POST", sim:wait_for(function(entries) return entries[1].method end))
  end)
end)
