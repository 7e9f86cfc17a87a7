-- novita.start in a script: the calls go on while something waits. (In an editor: spec/nvim.)

local novita = require("novita")

local talk = require("spec.support.client")

local sim = talk.sim

describe("novita.start in a script", function()
  before_each(function() sim:reset() end)

  local function start(options, act)
    local told = {}
    local function teller(name)
      return function(first, second, ...)
        told[#told + 1] = name
        if act and act[name] then return act[name](first, second, ...) end
      end
    end
    local handle = talk.client(options):start(talk.request { message = "one two three" }, {
      on_headers = teller("headers"), on_text = teller("text"), on_chunk = teller("chunk"),
      on_done = teller("done"),
    })
    return handle, told
  end

  it("goes on in novita.run", function()
    local parts, reply, info = {}, nil, nil
    local handle, told = start(nil, {
      text = function(text) parts[#parts + 1] = text end,
      done = function(r, err, i) reply, info = r, i assert.is_nil(err) end,
    })
    assert.are.same({}, told)
    assert.are.equal("waiting", handle:status())
    novita.run()
    assert.are.equal("one two three", table.concat(parts))
    assert.are.equal("one two three", reply:text())
    assert.are.equal(200, info.status)
    assert.are.equal("headers", told[1])
    assert.are.equal("done", told[#told])
    assert.are.equal("done", handle:status())
    assert.are.equal("novita.handle (done)", tostring(handle))
  end)

  it("goes on while another call waits", function()
    local handle, told = start()
    sim:script { {}, { delay = 0.1 } }
    assert(talk.client():chat(talk.request()))
    assert.are.equal("done", handle:status())
    assert.are.equal("done", told[#told])
  end)

  it("is cancelled at once, and told so in its own time", function()
    sim:always { delay = 30 }
    local handle, told = start()
    handle:cancel()
    handle:cancel()
    assert.are.equal("cancelled", handle:status())
    assert.are.same({}, told)
    novita.run()
    assert.are.same({ "done" }, told)
  end)

  it("tells a wrong request to on_done", function()
    local err
    local _, told = start({ vars = {} , api_key = "a\nb" }, { done = function(_, e) err = e end })
    assert.are.same({}, told)
    novita.run()
    assert.are.equal("config", err.kind)
  end)

  it("ends a call whose callback raises, and raises that from novita.run", function()
    local err
    local _, told = start(nil, {
      text = function() error("oh no") end,
      done = function(_, e) err = e end,
    })
    local ok, raised = pcall(novita.run)
    assert.is_false(ok)
    assert.is_truthy(raised:find("in on_text: .*oh no"), raised)
    assert.are.equal("callback_error", err.kind)
    assert.are.equal("done", told[#told])
    novita.run()
  end)

  it("raises on misuse, where it was called", function()
    local function raised(...)
      local _, message = pcall(novita.start, ...)
      return message
    end
    assert.is_truthy(raised(nil, {}):find("request: expected a table, got nil", 1, true))
    assert.is_truthy(raised({}, nil):find("handlers: expected a table, got nil", 1, true))
    assert.is_truthy(raised({}, { on_word = print }):find("handlers.on_word: unknown handler", 1,
      true))
    assert.is_truthy(raised({}, { on_text = 1 })
      :find("handlers.on_text: expected a function, got 1", 1, true))
    assert.is_truthy(raised({}, {}, { speed = 1 }):find("options.speed: unknown option", 1, true))
  end)
end)

it("stream:next(seconds) gives up waiting, not the stream", function()
  sim:reset()
  sim:script { { pace = 0.08 } }
  local stream = assert(talk.client():stream(talk.request { message = "a b" }))
  local waits, chunks = 0, 0
  local chunk, err = stream:next(0.01)
  while chunk ~= nil do
    if chunk then chunks = chunks + 1 else waits = waits + 1 end
    chunk, err = stream:next(0.01)
  end
  assert.is_nil(err)
  assert.is_true(waits > 3, waits)
  assert.is_true(chunks > 1, chunks)
  assert.are.equal("a b", stream:reply():text())
end)
