-- Chunks that repeat the one before, but for their text, are not decoded where only their text is
-- read. That must not be seen: each stream is read in both ways.

local generator = require("spec.support.random")
local pools = require("spec.support.pools")
local streaming = require("spec.support.streaming")

local chunk = streaming.chunk
local pool

-- The text, and the reply or the error, of a stream that is read by next() or next_text().
local function read(events, method)
  local stream = streaming.open({ events = events })
  local texts = {}
  while stream[method](stream) do texts[#texts + 1] = stream.said end
  local reply, err = stream:reply()
  if reply then return { text = table.concat(texts), reply = reply } end
  return { text = table.concat(texts), partial = err.partial,
    err = tostring(err):gsub("request %x+", "request") }
end

local function reads_alike(events)
  local whole, brief = read(events, "next"), read(events, "next_text")
  assert.same(whole, brief)
  return brief
end

-- How many chunks of a stream are not decoded.
local function repeats(events)
  local transfer, count, part = pools.start({ events = events }, { stream = true }), 0, nil
  while part ~= false do
    part = transfer:next(true)
    if part == true then count = count + 1 end
    if part == nil then pool:poll(1) end
  end
  return count
end

local function raw(content, more)
  return ('{"id":"1","choices":[{"index":0,"delta":{"content":%s}}]%s}'):format(content, more or "")
end

describe("a chunk that repeats the one before", function()
  pools.with(function(fresh) pool = fresh end)

  it("is not decoded, and its text is the same", function()
    local events = { chunk("a") }
    for _, text in ipairs { "b", " c", "line\nnext", 'a "quote"', "back\\slash", "tab\t", "ü", "漢字",
      "🙂", "\127", "</p>", '"}}]}', '","role":"user', "content" } do
      events[#events + 1] = chunk(text)
    end
    assert.equal(#events - 1, repeats(events))
    events[#events + 1] = streaming.finish("stop")
    reads_alike(events)
  end)

  it("is decoded where its text has escapes that only JSON's decoder knows, or is empty", function()
    local odd = { raw '"\\u00e9"', raw '"\\ud83d\\ude42"', raw '"\\ud83d"', raw '""', raw '"\\/"' }
    local events = { raw '"a"', raw '"b"' }
    for _, event in ipairs(odd) do
      events[#events + 1] = event
      events[#events + 1] = raw '"c"'
    end
    assert.equal(1 + #odd + 1, repeats(events)) -- "\/" is simple
    events[#events + 1] = streaming.finish("stop")
    reads_alike(events)
  end)

  it("is none where another member differs, however it is written", function()
    for _, other in ipairs {
      raw('"b"', ',"system_fingerprint":"x"'), raw('"b"', ',"model":"other"'), raw('"b"', " "),
      raw('"b","role":"assistant"'), raw('"b","refusal":"no"'), raw("6"), raw("null"), raw("[]"),
      raw '{"content":"b"}', raw('"b"', ',"usage":{"total_tokens":3}'), raw('"b"', ',"error":"no"'),
      '{"id":"2","choices":[{"index":0,"delta":{"content":"b"}}]}',
      '{"id":"1","choices":[{"index":1,"delta":{"content":"b"}}]}',
      '{"id":"1","choices":[{"index":0,"delta":{"content":"b"}},{"index":1,"delta":{}}]}',
      '{"id":"1","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}',
      '{"id":"1","choices":[]}', raw('"b"', "}"), raw('"b'), "{", "[1]", '"b"', raw('"b\1"'),
      raw('"b\255"'), raw '"b","content":"c"', raw('"b"c"'), raw('"b\\"'),
    } do
      reads_alike { raw '"a"', other, raw '"c"', raw '"d"', other, streaming.finish("stop") }
      reads_alike { other, other, raw '"c"', other, streaming.finish("stop") }
    end
  end)

  it("is found by the content of its choice, not by another member of that name", function()
    local inner = '{"id":{"content":"%s"},"choices":[{"index":0,'
      .. '"delta":{"\\u0063ontent":"%s"}}]}'
    local value = '{"id":"content","choices":[{"index":0,"delta":{"content":"%s"}}]}'
    local blank = '{ "choices" : [ { "index" : 0, "delta" : { "content" : "%s" } } ] }'
    for _, form in ipairs { inner, value, blank } do
      local events = {}
      for _, letter in ipairs { "a", "a", "b", "c" } do
        events[#events + 1] = form:format(letter, letter)
      end
      events[#events + 1] = streaming.finish("stop")
      local result = reads_alike(events)
      assert.equal("aabc", result.text)
    end
  end)

  it("reads as any other, whatever bytes of a stream change", function()
    local random = generator(3)
    local bits = { '"', "\\", "}", "]", ",", "0", "n", "\255", "é", "content", '"content":"', " " }
    for _ = 1, 60 do
      local events = {}
      for index = 1, 12 do
        local event = random(3) == 1 and chunk("x" .. index, nil, { created = random(2) })
          or raw(('"%d"'):format(index))
        if random(3) == 1 then
          local at = random(#event)
          event = event:sub(1, at) .. bits[random(#bits)] .. event:sub(at + random(2))
        end
        events[index] = event
      end
      events[#events + 1] = streaming.finish("stop")
      reads_alike(events)
    end
  end)

  it("is none of another stream, which the memory of the transfer served before", function()
    local function part_of(transfer)
      local part, _, text
      repeat
        part, _, text = transfer:next(true)
        if part == nil then pool:poll(1) end
      until part ~= nil
      return part, text
    end
    for _, ends in ipairs { "close", "cancel", "read" } do
      local first = pools.start({ events = { raw '"a"', raw '"b"' } }, { stream = true })
      part_of(first)
      assert.is_true((part_of(first)))
      if ends == "read" then assert.is_false((part_of(first))) else first[ends](first) end
      first:close()
      local second = pools.start({ events = { raw '"c"', raw '"d"' } }, { stream = true })
      local part, text = part_of(second)
      assert.equal("table", type(part))
      assert.equal("c", text)
      assert.is_true((part_of(second)))
      second:close()
    end
  end)
end)
