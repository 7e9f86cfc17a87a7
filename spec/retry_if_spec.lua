-- The functions for the option retry_if.

local retry = require("novita.retry")

describe("retry.bad", function()
  local bad = retry.bad

  local function reply(message, finish_reason)
    return { choices = { { message = message, finish_reason = finish_reason } } }
  end

  it("knows an empty answer", function()
    for _, message in ipairs { {}, { content = "" }, { content = " \n" }, { tool_calls = {} } } do
      assert.are.equal("empty", bad.empty(reply(message)))
    end
    assert.are.equal("empty", bad.empty {})
    assert.are.equal("empty", bad.empty { choices = { {} } })
    assert.is_nil(bad.empty(reply { content = "Hi" }))
    assert.is_nil(bad.empty(reply { refusal = "No." }))
    assert.is_nil(bad.empty(reply { content = "", tool_calls = { {} } }))
  end)

  it("knows an answer that was cut", function()
    assert.are.equal("length", bad.length(reply({}, "length")))
    assert.is_nil(bad.length(reply({}, "stop")))
  end)

  it("knows an answer that is not JSON", function()
    assert.are.equal("not_json", bad.not_json { json = function() return nil, "oops" end })
    assert.is_nil(bad.not_json { json = function() return false end })
  end)
end)
