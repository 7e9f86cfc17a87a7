-- What becomes of an ended call of a batch: an answer that is kept, refused, or tried again.

local batches = require("spec.support.batches")
local talk = require("spec.support.client")

local always = batches.always

local place

before_each(function() place = batches.place() end)
after_each(function() place:remove() end)

describe("an answer", function()
  it("is kept, however odd the usage in it", function()
    for index, usage in ipairs { "{}", "7", "[1]", "null", '{"prompt_tokens":[],"total_tokens":{}}',
      '{"prompt_tokens":-5,"completion_tokens":1e300}',
      '{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}' } do
      place:rows { { id = "a", text = "A" .. index }, { id = "b", text = "B" .. index } }
      always { status = 200, body = ('{"choices":[{"message":{"role":"assistant","content":"x"}}],'
        .. '"usage":%s}'):format(usage) }
      local summary = place:run()
      assert.are.same({ 2, true }, { summary.done, summary.usage.total_tokens >= 0 })
    end
  end)

  it("that is refused has failed, but was paid for", function()
    place:numbered(3)
    local seen = {}
    local summary = place:run { check = function(reply, id)
      seen[id] = reply:text()
      if id == "r2" then return nil, "too short" end
      return id ~= "r3"
    end }
    assert.are.same({ r1 = "text 1", r2 = "text 2", r3 = "text 3" }, seen)
    assert.are.same({ 1, 2 }, { summary.done, summary.failed })
    local line = place:lines()[2]
    assert.are.same({ "check: too short", "check", "text 2" }, { line.error.message,
      line.error.reason, line.response.body.choices[1].message.content })
    assert.are.equal("check: the answer is bad", place:lines()[3].error.message)
    assert.is_true(summary.usage.total_tokens > 2 * line.response.body.usage.total_tokens)
  end)

  it("is kept byte for byte", function()
    place:numbered(1)
    local body = '{"choices":[{"message":{"content":"\195\169"},  "finish_reason":"stop"}],\r\n'
      .. '"x":1.0, "big":12345678901234567890}'
    batches.sim:script { { match = "text 1", body = body } }
    place:run()
    assert.are.equal(body, place:query("select body from call_answer")[1][1])
    local file = assert(io.open(place.output))
    assert.is_truthy(file:read("*a"):find('"body":' .. body:gsub("\r\n", " "), 1, true))
    file:close()
  end)

  it("may count its tokens in any way", function()
    place:numbered(1)
    local body = talk.completion('"Yes"'):gsub('"prompt_tokens":50', '"prompt_tokens":"50"')
      :gsub('"completion_tokens":10', '"completion_tokens":10.0')
    batches.sim:script { { match = "text 1", body = body } }
    local summary = place:run()
    assert.are.same({ 50, 10, 60 }, { summary.usage.prompt_tokens,
      summary.usage.completion_tokens, summary.usage.total_tokens })
    local row = place:query("select typeof(prompt_tokens), typeof(completion_tokens) from call")[1]
    assert.are.same({ "integer", "integer" }, { row[1], row[2] })
  end)

  it("is tried again as the policy says, and counted once", function()
    place:numbered(2)
    batches.sim:script { { match = "text 1", status = 503 } }
    place:run { retry = { attempts = 2, initial_delay = 0.001 } }
    local rows = place:query("select attempts, sends from call order by n")
    assert.are.same({ 2, 1, 1, 1 }, { rows[1][1], rows[1][2], rows[2][1], rows[2][2] })
  end)
end)
