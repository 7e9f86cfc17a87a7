-- Calls of many kinds at once, most of which end early: no answer has a byte of another one, though
-- handles, connections and buffers are used again.

local http2 = require("spec.support.http2")
local loops = require("novita.loop")
local novita = require("novita")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local TASKS, CALLS, PIECES, FILES = 9, 50, 150, 8

local request = streaming.request

-- Pieces that differ in place and length.
local events, pieces = {}, {}
for number = 1, PIECES do
  pieces[number] = ("<%d>"):format(number) .. ("y"):rep(number * 37 % 2000)
  events[number] = streaming.chunk(pieces[number])
end
table.insert(events, streaming.finish("stop"))
local TEXT = table.concat(pieces)

-- The text of a stream; after each piece `each` may end it. Returns the text, and the error.
local function read(client, options, each)
  local stream, err = client:stream(request, options)
  local texts, text = {}
  while stream do
    text, err = stream:next_text()
    if not text or each and each(stream, #texts) then break end
    table.insert(texts, text)
  end
  return table.concat(texts), err
end

local function is_start(text)
  return text == TEXT:sub(1, #text)
end

-- A time in which some calls end and some do not.
local function short(number)
  return { deadline = 0.001 + number % 20 / 1000 }
end

local function is_late(err)
  return err ~= nil and err.kind == "timeout"
end

-- Each returns whether what came is right; `number` varies what it does.
local KINDS = {
  function(client)
    local text, err = read(client)
    return text == TEXT and err == nil
  end,
  function(client, number)
    return is_start(read(client, nil, function(stream, count)
      return count == number % 70 and (stream:cancel() or true)
    end))
  end,
  function(client, number)
    return is_start(read(client, nil, function(_, count) return count == number % 50 end))
  end,
  function(client, number)
    local text, err = read(client, nil, function(stream, count)
      return count == number % 60 and (stream:stop() or true)
    end)
    return is_start(text) and err == nil
  end,
  function(client, number)
    local text, err = read(client, short(number))
    return is_start(text) and (is_late(err) or text == TEXT)
  end,
  function(client, number)
    local text, err = read(client, nil, function(_, count)
      if count % 40 == number % 40 then loops.here().sleep(0.01) end
    end)
    return text == TEXT and err == nil
  end,
  function(client, _, file)
    return client.files:content(file.id) == file.text
  end,
  function(client, number, file)
    local text, err = client.files:content(file.id, short(number))
    return text == file.text or is_late(err)
  end,
  function(client, _, file)
    local path = os.tmpname()
    return client.files:content { id = file.id, save_to = path } == path
      and files.read(path) == file.text
  end,
  function(client, _, file)
    local text, err = client.files:content(file.id, { max_response_bytes = 3000 })
    return text == file.text or err ~= nil and err.kind == "response_too_large"
  end,
  function(client, number, file)
    local made, err = client.files:upload({ bytes = file.text }, short(number))
    return made and made.bytes == #file.text or is_late(err)
  end,
}

-- Makes the calls, and returns the kinds of those that were wrong.
local function wrong(client)
  local made, list = {}, {}
  for number = 1, FILES do
    local text = (("%d:%d "):format(number, number * 7919)):rep(number * number * 100)
    made[number] = { id = assert(client.files:upload { bytes = text }).id, text = text }
  end
  for task = 1, TASKS do
    novita.spawn(function()
      for call = 1, CALLS do
        local number = task * 31 + call * 17
        local kind = (task + call * 4) % #KINDS + 1
        local right = KINDS[kind](client, number, made[number % FILES + 1])
        if not right then table.insert(list, kind) end
      end
    end)
  end
  novita.run()
  return list
end

describe("calls that end early leave nothing to others", function()
  local front
  setup(function() front = http2.start() end)
  teardown(function() if front then front:stop() end end)
  before_each(function()
    simulator.shared():reset()
    simulator.shared():always { match = "chat/completions", events = events }
  end)
  after_each(function() simulator.shared():reset() end)

  it("over HTTP/1", function()
    assert.are.same({}, wrong(streaming.client()))
  end)

  it("over HTTP/2", function()
    if not front then pending(http2.MISSING) return end
    assert.are.same({}, wrong(http2.client(front)))
  end)
end)
