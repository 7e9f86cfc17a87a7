-- Fields that arrive in parts: texts grow, in linear time, and other values are set.

local assemble = require("novita.stream.accumulator")

local assembling = require("spec.support.assembling")

local message = assembling.message

describe("10.2 fields", function()
  it("that are set: role, name, and whatever is unknown", function()
    local made = message { '{"role":"assistant","name":"MiniMax","annotations":[1]}',
      '{"role":"","content":"x"}', '{"role":null,"annotations":[2]}' }
    assert.same({ role = "assistant", name = "MiniMax", annotations = { 2 }, content = "x" }, made)
  end)

  it("audio: data and transcript grow, id and expires_at are set", function()
    assert.same({ id = "a", expires_at = 9, data = "QUI=", transcript = "Hello" }, message {
      '{"audio":{"id":"a","data":"QU"}}', '{"audio":{"transcript":"Hel"}}',
      '{"audio":{"data":"I=","transcript":"lo"}}', '{"audio":{"expires_at":9}}' }.audio)
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
