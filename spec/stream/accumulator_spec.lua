-- The assembler against lists of chunks, rule by rule of behaviour.md 10, and the shapes of
-- novita-api.md 3.2.
-- Covers: lua/novita/stream/choice.lua lua/novita/stream/coerce.lua lua/novita/stream/content.lua
-- Covers: lua/novita/stream/fields.lua lua/novita/stream/reasoning.lua

local core = require("novita.core")

local assemble = require("novita.stream.accumulator")

-- The reply that a list of chunks makes; raises at a problem.
local function build(chunks)
  local assembler = assemble.new()
  for _, text in ipairs(chunks) do
    local problem = assembler:add(assert(core.decode(text)))
    if problem then error(problem, 0) end
  end
  return assembler:build()
end

-- Chunks of the first choice with these deltas, the last of which finishes.
local function deltas(list, reason)
  local chunks = {}
  for index, delta in ipairs(list) do
    chunks[index] = '{"choices":[{"index":0,"delta":' .. delta .. "}]}"
  end
  chunks[#chunks + 1] = '{"choices":[{"index":0,"delta":{},"finish_reason":"'
    .. (reason or "stop") .. '"}]}'
  return chunks
end

local function message(list)
  return build(deltas(list)).choices[1].message
end

local function problem_of(text)
  return assemble.new():add(core.decode(text))
end

describe("10.1 indices", function()
  local bad = { "-1", "0.5", '"0"', "128", "99999999", "1e300", "true", "[]", "{}" }

  for _, index in ipairs(bad) do
    it("of choices refuse " .. index, function()
      assert.truthy(problem_of('{"choices":[{"index":' .. index .. ',"delta":{}}]}'):find("choice"))
    end)

    it("of tool calls refuse " .. index, function()
      assert.truthy(problem_of('{"choices":[{"delta":{"tool_calls":[{"index":' .. index
        .. ',"id":"a"}]}}]}'):find("tool call"))
    end)
  end

  it("take 0 to 127, and 1.0", function()
    assert.is_nil(problem_of('{"choices":[{"index":0},{"index":127},{"index":1.0}]}'))
    local reply = build { '{"choices":[{"index":1.0,"delta":{"content":"a"}}]}',
      '{"choices":[{"index":1,"delta":{"content":"b"}}]}' }
    assert.equal("ab", reply:text())
    assert.equal(1, #reply.choices)
  end)

  it("may be missing: then the position counts", function()
    local reply = build { '{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}' }
    assert.equal("a", reply.choices[1].message.content)
    assert.equal("b", reply.choices[2].message.content)
  end)

  it("are refused where there is no object", function()
    assert.is_truthy(problem_of('{"choices":[5]}'))
    assert.is_truthy(problem_of('{"choices":[null]}'))
    assert.is_truthy(problem_of('{"choices":[{"delta":{"tool_calls":[7]}}]}'))
  end)
end)

describe("10.2 fields", function()
  for _, name in ipairs { "content", "refusal", "reasoning_content" } do
    it("that grow: " .. name, function()
      assert.equal("abc", message { '{"' .. name .. '":"ab"}', '{"' .. name .. '":""}',
        '{"' .. name .. '":null}', '{"' .. name .. '":"c"}' }[name])
    end)
  end

  it("reasoning stands for reasoning_content, which is preferred", function()
    assert.equal("ab", message { '{"reasoning":"a"}', '{"reasoning":"b"}' }.reasoning_content)
    local both = message { '{"reasoning":"a","reasoning_content":"A"}' }
    assert.equal("A", both.reasoning_content)
    assert.is_nil(both.reasoning)
  end)

  it("that are set: role, name, and whatever is unknown", function()
    local made = message { '{"role":"assistant","name":"MiniMax","annotations":[1]}',
      '{"role":"","content":"x"}', '{"role":null,"annotations":[2]}' }
    assert.same({ role = "assistant", name = "MiniMax", annotations = { 2 }, content = "x" }, made)
  end)

  it("usage: the last that is not null", function()
    local usage = '{"choices":[],"usage":%s}'
    assert.same({ total_tokens = 2 }, build { usage:format('{"total_tokens":1}'),
      usage:format('{"total_tokens":2}'), usage:format("null"), '{"choices":[]}' }.usage)
  end)

  it("finish_reason: the last that is a text", function()
    local function reason(...)
      local chunks = {}
      for index, value in ipairs { ... } do
        chunks[index] = '{"choices":[{"index":0,"finish_reason":' .. value .. "}]}"
      end
      return build(chunks).choices[1].finish_reason
    end
    assert.equal("stop", reason('""', '"stop"', "null", '""'))
    assert.equal("tool_calls", reason('"stop"', '"tool_calls"'))
    assert.is_nil(reason('""', "null", "false"))
    assert.equal(0, reason('""', "0", "null")) -- kept, but no end
  end)

  it("logprobs: their lists grow", function()
    local part = '{"choices":[{"index":0,"logprobs":{"content":[{"token":"%s"}],"refusal":null}}]}'
    assert.same({ content = { { token = "a" }, { token = "b" } } },
      build({ part:format("a"), part:format("b"), '{"choices":[{"logprobs":null}]}' })
        .choices[1].logprobs)
    assert.same({ content = {} },
      build({ '{"choices":[{"logprobs":{"content":[]}}]}' }).choices[1].logprobs)
  end)

  it("audio: data and transcript grow, id and expires_at are set", function()
    assert.same({ id = "a", expires_at = 9, data = "QUI=", transcript = "Hello" }, message {
      '{"audio":{"id":"a","data":"QU"}}', '{"audio":{"transcript":"Hel"}}',
      '{"audio":{"data":"I=","transcript":"lo"}}', '{"audio":{"expires_at":9}}' }.audio)
  end)

  it("of the reply: id, created and model first, all others last", function()
    local reply = build { '{"id":"","created":0,"model":"","object":"","choices":[]}',
      '{"id":"1","created":5,"model":"m","choices":[],"system_fingerprint":"","x":1}',
      '{"id":"2","created":6,"model":"n","object":"chat.completion.chunk","x":2}',
      '{"x":null,"choices":null}' }
    assert.same({ id = "1", created = 5, model = "m", object = "chat.completion", choices = {},
      system_fingerprint = "", x = 2, incomplete = true }, reply)
  end)

  it("of a choice that are unknown are kept", function()
    local reply = build { '{"choices":[{"index":0,"matched_stop":7,"delta":null}]}' }
    assert.equal(7, reply.choices[1].matched_stop)
  end)
end)

describe("10.7 many pieces", function()
  it("cost linear time", function()
    local function seconds(count)
      local assembler, start = assemble.new(), os.clock()
      for index = 1, count do
        local call = { index = 0, id = index == 1 and "a" or nil, ["function"] = {} }
        call["function"].arguments = "part"
        local delta = { content = "word ", audio = { data = "x" }, tool_calls = { call } }
        assembler:add { choices = { { index = 0, delta = delta } } }
      end
      assert.equal(count * 5, #assembler:build():text())
      return os.clock() - start
    end
    seconds(1000)
    assert.is_true(seconds(64000) < 64 * 4 * math.max(seconds(1000), 0.002))
  end)
end)
