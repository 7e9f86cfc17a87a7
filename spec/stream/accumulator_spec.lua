-- The assembler against lists of chunks, rule by rule of behaviour.md 10, and the shapes of
-- novita-api.md 3.2.

local assembling = require("spec.support.assembling")

local build, message, problem_of = assembling.build, assembling.message, assembling.problem_of

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

  it("usage: the last that is not null", function()
    local usage = '{"choices":[],"usage":%s}'
    assert.same({ total_tokens = 2 }, build { usage:format('{"total_tokens":1}'),
      usage:format('{"total_tokens":2}'), usage:format("null"), '{"choices":[]}' }.usage)
  end)

  it("of the reply: id, created and model first, all others last", function()
    local reply = build { '{"id":"","created":0,"model":"","object":"","choices":[]}',
      '{"id":"1","created":5,"model":"m","choices":[],"system_fingerprint":"","x":1}',
      '{"id":"2","created":6,"model":"n","object":"chat.completion.chunk","x":2}',
      '{"x":null,"choices":null}' }
    assert.same({ id = "1", created = 5, model = "m", object = "chat.completion", choices = {},
      system_fingerprint = "", x = 2, incomplete = true }, reply)
  end)
end)
