local core = require("novita.core")
local generator = require("spec.support.random")
local reference = require("spec.support.sse_reference")
local vectors = require("spec.support.sse_vectors")

local EVERY_CUT = 200 -- longer streams are not cut at every offset

local FRAGMENTS = {
  "data", "data:", "data: ", "event:", "event: error", "id:", "id: 7", "retry: 1", "error: x", ":",
  " ", "x", "\0", "\239", "\187", "\191", "\239\187\191", "\195\164", '{"a":1}', "[DONE]",
  "\n", "\n", "\n", "\r", "\r", "\r\n", "\r\n", "\n\n", "\n\n",
}

-- All events that are ready, added to a list; the error if there is one.
local function take(parser, events)
  while true do
    local event_type, data, id = parser:next()
    if event_type == nil then return data end
    events[#events + 1] = { type = event_type, data = data, id = id }
  end
end

-- Feeds a stream in pieces that end at the offsets of an iterator.
local function run(stream, ceiling, marks, offsets)
  local parser = core.sse { max_event_bytes = ceiling }
  local events, err, start = {}, nil, 1
  for offset in offsets do
    parser:feed(stream:sub(start, offset))
    err = take(parser, events)
    if err then break end
    if marks and marks[offset] then assert.equal(marks[offset], #events) end
    start = offset + 1
  end
  return events, err
end

-- An iterator over the offsets from, from + step ..., and the last one.
local function steps(from, step, last)
  local offset = from - step
  return function()
    if offset >= last then return nil end
    offset = math.min(offset + step, last)
    return offset
  end
end

local function check(case, from, step)
  local events, err = run(case.input, case.ceiling, case.marks, steps(from, step, #case.input))
  assert.same(case.events, events)
  if case.too_big then
    assert.equal("response_too_large", err.kind)
  else
    assert.is_nil(err)
  end
end

local function random_stream(random)
  local parts = {}
  for i = 1, random(40) do parts[i] = FRAGMENTS[random(#FRAGMENTS)] end
  return table.concat(parts) .. "\n\n"
end

describe("the reference parser", function()
  for _, case in ipairs(vectors.read("spec/bytes/sse")) do
    if not case.ceiling and not case.errors and #case.input < 10000 then
      it("passes " .. case.name, function()
        assert.same(case.events, reference.parse(case.input))
      end)
    end
  end
end)

describe("core.sse", function()
  for _, case in ipairs(vectors.read("spec/bytes/sse")) do
    if not case.errors then -- what chat streams take beyond the standard
      it("passes " .. case.name, function()
        local length = #case.input
        check(case, length, 1)
        check(case, 1, length > 100000 and 4099 or 1)
        for cut = 1, math.min(length, EVERY_CUT) - 1 do
          if length < EVERY_CUT then check(case, cut, length) end
        end
      end)
    end
  end

  it("agrees with the reference on random streams", function()
    local random = generator(20260101)
    for _ = 1, 3000 do
      local stream = random_stream(random)
      local expected = reference.parse(stream)
      local function pieces()
        local offset = 0
        return function()
          if offset >= #stream then return nil end
          offset = math.min(offset + random(12), #stream)
          return offset
        end
      end
      assert.same(expected, (run(stream, nil, nil, steps(#stream, 1, #stream))), stream)
      assert.same(expected, (run(stream, nil, nil, steps(1, 1, #stream))), stream)
      assert.same(expected, (run(stream, nil, nil, pieces())), stream)
    end
  end)

  it("takes several pieces before the first event is asked for", function()
    local parser = core.sse()
    local events = {}
    parser:feed "data: 1\n\ndata: 2\n\nda"
    parser:feed "ta: 3"
    parser:feed "\n\n"
    take(parser, events)
    assert.equal(3, #events)
    assert.equal("3", events[3].data)
  end)

  it("goes on after the last event that was ready", function()
    local parser = core.sse()
    assert.is_nil((parser:next()))
    parser:feed ""
    assert.is_nil((parser:next()))
    parser:feed "data: 1\n\n"
    assert.equal("message", (parser:next()))
    assert.is_nil((parser:next()))
    parser:feed "data: 2\n\n"
    assert.equal("message", (parser:next()))
  end)

  it("keeps two streams apart", function()
    local one, two = core.sse(), core.sse()
    one:feed "id: 1\ndata: a"
    two:feed "event: e\ndata: b"
    one:feed "\n\n"
    two:feed "\n\n"
    assert.same({ "message", "a", "1" }, { one:next() })
    assert.same({ "e", "b", "" }, { two:next() })
  end)

  it("says again that an event was too large", function()
    local parser = core.sse { max_event_bytes = 3 }
    parser:feed "data: 1\n\ndata: 1234\n\ndata: 1\n\n"
    assert.equal("message", (parser:next()))
    for _ = 1, 2 do
      local event_type, err = parser:next()
      assert.is_nil(event_type)
      assert.equal("response_too_large", err.kind)
    end
  end)

  -- Feeds pieces until the parser refuses one; returns how many it took, and why it stopped.
  local function refuses(parser, piece)
    for number = 1, 17 do
      parser:feed(piece)
      local event_type, err = parser:next()
      assert.is_nil(event_type)
      if err then return number - 1, err.kind end
    end
  end

  it("has a ceiling of 256 MiB", function()
    local parser = core.sse()
    parser:feed("data: ")
    assert.same({ 16, "response_too_large" }, { refuses(parser, ("x"):rep(2 ^ 24)) })
  end)

  it("holds the ceiling for a line, an id and joined lines alike, and keeps no comment", function()
    local piece = ("x"):rep(64)
    for _, case in ipairs { { "data: ", piece }, { "id: ", piece },
      { "", "data: " .. ("x"):rep(63) .. "\n" } } do
      local parser = core.sse { max_event_bytes = 16 * 64 }
      parser:feed(case[1])
      assert.same({ 16, "response_too_large" }, { refuses(parser, case[2]) })
    end
    local parser = core.sse { max_event_bytes = 16 * 64 }
    parser:feed(": ")
    assert.is_nil((refuses(parser, piece)))
  end)
end)
