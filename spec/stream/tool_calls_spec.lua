-- Tool calls from their fragments, rule by rule of behaviour.md 10.3.

local assembling = require("spec.support.assembling")

local build, deltas = assembling.build, assembling.deltas
local message, problem_of = assembling.message, assembling.problem_of

-- The calls that entries of tool_calls make, each entry in a delta of its own.
local function calls(fragments)
  local list = {}
  for index, fragment in ipairs(fragments) do
    list[index] = '{"tool_calls":[' .. fragment .. "]}"
  end
  local made = {}
  for index, call in ipairs(message(list).tool_calls) do
    local fn = call["function"]
    made[index] = ("%s %s(%s)"):format(call.id, tostring(fn.name), fn.arguments)
  end
  return made
end

describe("10.3 tool calls", function()
  local rules = {
    ["with known ids go there, whatever the index"] = { {
      '{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}',
      '{"index":1,"id":"b","function":{"name":"g","arguments":"2"}}',
      '{"index":1,"id":"a","function":{"arguments":"3"}}',
    }, { "a f(13)", "b g(2)" } },
    ["without an id go to the latest call on their index"] = { {
      '{"index":0,"id":"a","function":{"name":"f","arguments":""}}',
      '{"index":1,"id":"b","function":{"name":"g","arguments":""}}',
      '{"index":0,"function":{"arguments":"1"}}', '{"index":1,"function":{"arguments":"2"}}',
    }, { "a f(1)", "b g(2)" } },
    ["with a new id on a used index are new"] = { {
      '{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}',
      '{"index":0,"id":"b","function":{"name":"g","arguments":"2"}}',
      '{"index":0,"function":{"arguments":"3"}}',
    }, { "a f(1)", "b g(23)" } },
    ["without an index begin with their id"] = { {
      '{"id":"a","function":{"name":"f","arguments":"1"}}', '{"function":{"arguments":"2"}}',
      '{"id":"b","function":{"name":"g"}}', '{"function":{"arguments":"3"}}',
    }, { "a f(12)", "b g(3)" } },
    ["merge two entries with one index in one delta"] = { {
      '{"index":0,"id":"a","function":{"name":"f"}},{"index":0,"function":{"arguments":"1"}}',
    }, { "a f(1)" } },
    ["may come whole, several at once"] = { {
      '{"index":0,"id":"a","function":{"name":"f","arguments":"1"}},'
        .. '{"index":1,"id":"b","function":{"name":"g","arguments":"2"}}',
    }, { "a f(1)", "b g(2)" } },
    ["may get their id later"] = { {
      '{"index":0,"function":{"name":"f","arguments":"1"}}',
      '{"index":0,"id":"a","function":{"arguments":"2"}}',
    }, { "a f(12)" } },
    ["keep their id, 10.4"] = { {
      '{"index":0,"id":"a","function":{"name":"f"}}', '{"index":0,"id":"","function":{}}',
      '{"index":0,"id":"a","function":{"arguments":"1"}}',
    }, { "a f(1)" } },
    ["have names that repeat, or come in parts, 10.4"] = { {
      '{"index":0,"id":"a","function":{"name":"get_"}}',
      '{"index":0,"function":{"name":"get_"}}', '{"index":0,"function":{"name":"weather"}}',
      '{"index":0,"function":{"name":"","arguments":"1"}}',
    }, { "a get_weather(1)" } },
    ["stand in the order of their index, without holes, 10.6"] = { {
      '{"index":5,"id":"c","function":{"name":"h"}}',
      '{"index":1,"id":"a","function":{"name":"f"}}', '{"id":"d","function":{"name":"i"}}',
      '{"index":2,"id":"b","function":{"name":"g"}}',
    }, { "a f({})", "b g({})", "c h({})", "d i({})" } },
    ["bear arguments that are no text"] = { {
      '{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}',
      '{"index":1,"id":"b","function":{"name":7,"arguments":5}}',
    }, { 'a f({"x":1})', "b 7(5)" } },
  }
  for name, rule in pairs(rules) do
    it(name, function() assert.same(rule[2], calls(rule[1])) end)
  end

  it("keep what is unknown", function()
    local made = message { '{"tool_calls":[{"index":0,"id":"a","extra_content":{"sig":"x"},'
      .. '"function":{"name":"f","arguments":"","hint":1}}]}', '{"tool_calls":[{"index":0}]}' }
    assert.same({ { id = "a", index = 0, type = "function", extra_content = { sig = "x" },
      ["function"] = { name = "f", arguments = "{}", hint = 1 } } }, made.tool_calls)
  end)

  it("count by presence, not by finish reason, 10.6", function()
    local reply = build(deltas({ '{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}]}' },
      "stop"))
    assert.equal("a", reply.choices[1].message.tool_calls[1].id)
  end)

  it("leave no empty content beside them", function()
    local fragment = '{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}]}'
    assert.is_nil(message({ '{"role":"assistant","content":""}', fragment }).content)
    assert.equal(" ", message({ '{"content":" "}', fragment }).content)
    assert.equal("", message({ '{"content":""}' }).content)
    assert.is_nil(message({ '{"content":""}', '{"refusal":"No."}' }).content)
  end)

  it("of the old kind are put together too", function()
    assert.same({ name = "f", arguments = "{}" }, message {
      '{"function_call":{"name":"f","arguments":""}}', '{"function_call":{"arguments":"{}"}}',
    }.function_call)
  end)

  it("are not made of nothing, nor of odd values", function()
    assert.is_nil(message({ '{"tool_calls":""}', '{"tool_calls":null}', '{"tool_calls":false}' })
      .tool_calls)
    assert.same({}, message({ '{"tool_calls":[]}' }).tool_calls)
    for _, value in ipairs { '"none"', "7", '{"x":1}', '[{"function":"f"}]', '[{"id":{}}]',
      '[{"function":{"name":["g"]}}]' } do
      assert.is_string(problem_of('{"choices":[{"delta":{"tool_calls":' .. value .. "}}]}"), value)
    end
  end)
end)
