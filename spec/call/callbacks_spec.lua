-- A chat with on_text or on_chunk.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local request = streaming.request
local sim, client

local function plain_text()
  return assert(client:chat(request)):text()
end

describe("a chat with callbacks", function()
  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    client = streaming.client()
  end)

  it("tells the text as it comes and returns what a plain call returns", function()
    local parts = {}
    local reply, info = client:chat(request, {
      on_text = function(text) parts[#parts + 1] = text end,
    })
    assert.equal(plain_text(), table.concat(parts))
    assert.equal(plain_text(), reply:text())
    assert.equal(200, info.status)
  end)

  it("tells each chunk before its text", function()
    local seen = {}
    sim:script { { events = {
      streaming.delta { role = "assistant" }, streaming.chunk("a"), streaming.chunk("b", "stop"),
    } } }
    assert(client:chat(request, {
      on_chunk = function(chunk) seen[#seen + 1] = type(chunk) end,
      on_text = function(text) seen[#seen + 1] = text end,
    }))
    assert.same({ "table", "table", "a", "table", "b" }, seen)
  end)

  it("streams without callbacks where the request says so", function()
    local reply = assert(client:chat { model = streaming.model, message = "Hi", stream = true })
    assert.equal("stop", reply.choices[1].finish_reason)
    assert.is_true(core.decode(sim:journal()[1].body).stream)
  end)

  it("returns the error of a bad end, with what had arrived", function()
    sim:script { { cut_pieces = 3 } }
    local reply, err = client:chat(request, { on_text = function() end })
    assert.is_nil(reply)
    assert.equal("connection", err.kind)
    assert.equal("You", err.partial:text():sub(1, 3))
  end)

  it("returns the error of a status", function()
    sim:script { { status = 401 } }
    local reply, err = client:chat(request, { on_text = error })
    assert.is_nil(reply)
    assert.equal("authentication", err.kind)
  end)

  for _, name in ipairs { "on_text", "on_chunk" } do
    it("stops when " .. name .. " says enough, which is no failure", function()
      local calls = 0
      sim:script { { pace = 0.01 } }
      local reply, info = client:chat(request, { [name] = function()
        calls = calls + 1
        return calls < 3
      end })
      assert.equal(3, calls)
      assert.equal(200, info.status)
      assert.is_true(reply.incomplete)
      assert.is_nil(reply.choices[1].finish_reason)
      assert.equal(plain_text():sub(1, #reply:text()), reply:text())
      assert.is_true(streaming.entry().aborted)
    end)

    it("drops the connection at once when " .. name .. " raises", function()
      local thrown = { "anything" }
      sim:script { streaming.silent { streaming.chunk("a") } }
      local ok, raised = pcall(client.chat, client, request, {
        [name] = function() error(thrown) end,
      })
      assert.is_false(ok)
      assert.equal(thrown, raised)
      assert.is_true(streaming.entry().aborted)
      assert.is_truthy(client:chat(request))
    end)
  end

  it("says no text of a chunk that was enough", function()
    local texts = 0
    assert(client:chat(request, {
      on_chunk = function() return false end,
      on_text = function() texts = texts + 1 end,
    }))
    assert.equal(0, texts)
  end)

  it("is whole when enough comes with the last chunk", function()
    sim:script { { events = { streaming.chunk("all", "stop") } } }
    local reply = assert(client:chat(request, { on_text = function() return false end }))
    assert.equal("all", reply:text())
    assert.is_nil(reply.incomplete)
  end)
end)
