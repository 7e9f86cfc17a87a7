-- max_context: the oldest turns are left out of a request that is too long, always whole.

local talk = require("spec.support.client")
local tooling = require("spec.support.tooling")

local calls, says, script, tool = tooling.calls, tooling.says, tooling.script, tooling.tool

local function new(fields)
  local all = { model = talk.MODEL }
  for name, value in pairs(fields) do all[name] = value end
  return talk.client():conversation(all)
end

local function double(arguments) return arguments.x * 2 end

local function last_sent()
  local requests = tooling.sent()
  return requests[#requests]
end

describe("max_context", function()
  -- A conversation of turns of about 100 tokens each.
  local function long(turns, fields)
    local messages = {}
    for number = 1, turns do
      messages[#messages + 1] = { role = "user", content = number .. (" word"):rep(40) }
      messages[#messages + 1] = { role = "assistant", content = number .. (" word"):rep(40) }
    end
    local all = { messages = messages, max_tokens = 50 }
    for name, value in pairs(fields or {}) do all[name] = value end
    return new(all)
  end

  local function numbers(messages)
    local list = {}
    for index, message in ipairs(messages) do
      list[index] = message.role:sub(1, 1) .. (message.content or ""):match("^%d*")
    end
    return list
  end

  before_each(function() talk.sim:reset() end)

  it("leaves out the oldest turns of a request, and keeps them in the messages", function()
    local chat = long(4, { system_prompt = "9 is the system" })
    assert(chat:send("5", { max_context = 330 }))
    assert.are.same({ "s9", "u3", "a3", "u4", "a4", "u5" }, numbers(last_sent()))
    assert.are.equal(10, #chat.messages)
    assert(chat:send("6"))
    assert.are.equal(12, #last_sent())
  end)

  it("never leaves out messages of the system, nor the newest turn", function()
    local chat = long(2)
    table.insert(chat.messages, 1, { role = "system", content = "7" })
    table.insert(chat.messages, 4, { role = "system", content = "8" })
    assert(chat:send("9", { max_context = 1 }))
    assert.are.same({ "s7", "s8", "u9" }, numbers(last_sent()))
  end)

  it("never leaves out half of an exchange with tools", function()
    local chat = long(1, { tools = { tool("double", double) } })
    script(calls({ "double", { x = 1 } }, { "double", { x = 2 } }), says("2 and 4"))
    assert(chat:send("2"))
    local full = #chat.messages
    for most = 1, 600, 7 do
      local other = chat:fork()
      assert(other:send("3", { max_context = most }))
      local sent = last_sent()
      tooling.check(sent)
      assert.are.equal("user", sent[1].role)
      assert.are.equal(full + 2, #other.messages)
    end
  end)

  it("leaves out more while the newest turn grows", function()
    local chat = long(3, { tools = { tool("f", function() return ("word "):rep(80) end) } })
    script(calls { "f" }, says("done"))
    assert(chat:send("4", { max_context = 420 }))
    local requests = tooling.sent()
    assert.is_true(#requests[1] > 3)
    assert.are.equal("user", requests[2][1].role)
    assert.is_true(requests[2][1].content ~= requests[1][1].content)
    tooling.check(requests[2])
  end)
end)
