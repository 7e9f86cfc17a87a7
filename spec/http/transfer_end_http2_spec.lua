-- A stream that is cancelled leaves nothing of its response to any other. Where its easy handle is
-- used again, libcurl 7.88 delivers foreign bytes to one stream in ten here.

local http2 = require("spec.support.http2")
local novita = require("novita")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local TASKS, STREAMS, EVENTS = 6, 30, 400

local events, pieces = {}, {}
for number = 1, EVENTS do
  pieces[number] = ("%05d"):format(number) .. ("y"):rep(1000)
  events[number] = streaming.chunk(pieces[number])
end
table.insert(events, streaming.finish("stop"))
local TEXT = table.concat(pieces)

-- The text of a stream, read to its end or cancelled after some pieces.
local function read(client, count)
  local stream, texts = assert(client:stream(streaming.request)), {}
  for text in stream:text() do
    table.insert(texts, text)
    if #texts == count then stream:cancel() break end
  end
  return table.concat(texts)
end

describe("a cancelled stream over HTTP/2", function()
  local front
  setup(function() front = http2.start() end)
  teardown(function() if front then front:stop() end end)

  it("leaves its bytes to no other", function()
    if not front then pending(http2.MISSING) return end
    local client, wrong = http2.client(front), {}
    simulator.shared():reset()
    simulator.shared():always { events = events }
    for task = 1, TASKS do
      novita.spawn(function()
        for number = 1, STREAMS do
          local is_cancelled = (task + number) % 4 == 0
          local text = read(client, is_cancelled and 50)
          local expected = is_cancelled and TEXT:sub(1, #text) or TEXT
          if text ~= expected then table.insert(wrong, #text) end
        end
      end)
    end
    novita.run()
    simulator.shared():reset()
    assert.are.same({}, wrong)
  end)
end)
