-- A stream of events that are neither a chat nor a completion.

local talk = require("spec.support.client")

local sim = talk.sim

before_each(function() sim:reset() end)
teardown(function() sim:reset() end)

describe("a request for a stream", function()
  it("gives its events, as they are", function()
    local stream = assert(talk.asks({ events = { '{"type":"a"}', '{"type":"b","n":1}' } },
      { body = { x = 1 }, stream = true }))
    local chunks = {}
    for chunk in stream:chunks() do chunks[#chunks + 1] = chunk end
    assert.are.same({ { type = "a" }, { type = "b", n = 1 } }, chunks)
    assert.are.same({ type = "b", n = 1 }, (stream:reply()))
    assert.are.equal(200, stream.info.status)
  end)

  it("needs no [DONE], but its framing must be whole", function()
    local step = { events = { '{"n":1}', '{"n":2}' }, done = false }
    assert.are.same({ n = 2 }, (talk.asks(step, { stream = true }):reply()))
    step.cut_pieces, step.ending = 1, "reset"
    local stream = assert(talk.asks(step, { stream = true }))
    assert.are.same({ n = 1 }, (stream:next()))
    local chunk, err = stream:next()
    assert.are.same({ nil, "connection", "reset" }, { chunk, err.kind, err.reason })
  end)

  it("gives the error in an event, and an answer that is no stream as its only event", function()
    local stream = assert(talk.asks({ events = { '{"n":1}', '{"error":{"message":"no more"}}' } },
      { stream = true }))
    assert.are.same({ n = 1 }, (stream:next()))
    assert.are.equal("no more", select(2, stream:next()).message)
    stream = assert(talk.asks({ body = '{"n":1}' }, { stream = true }))
    assert.are.same({ n = 1 }, (stream:next()))
    assert.are.same({ nil, nil }, { stream:next() })
    assert.are.equal("bad_request", select(2, talk.asks({ status = 400 }, { stream = true })).kind)
  end)
end)
