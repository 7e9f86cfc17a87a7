-- The content of a message as a list of parts.

local novita = require("novita")

local talk = require("spec.support.client")

local PNG = "\137PNG\r\n\26\n\0\0\0\rIHDR"

describe("a list of content parts", function()
  local picture = novita.image(PNG)
  local parts = { { type = "text", text = "What is this?" }, picture }

  it("may have texts in it, in message, system_prompt and messages", function()
    local sent = novita.json.decode((talk.sends {
      model = talk.MODEL, system_prompt = { "Be brief." },
      messages = { { role = "user", content = { "What is this?", picture }, name = "me" } },
      message = { "What is this?", picture },
    }))
    assert.are.same({
      { role = "system", content = { { type = "text", text = "Be brief." } } },
      { role = "user", content = parts, name = "me" },
      { role = "user", content = parts },
    }, sent.messages)
  end)

  it("may be said in a conversation", function()
    talk.sim:reset()
    local chat = talk.client():conversation { model = talk.MODEL }
    assert.are.equal("What is this?", tostring(assert(chat:send { "What is this?", picture })))
    local sent = novita.json.decode(talk.sim:journal()[1].body)
    assert.are.same({ { role = "user", content = parts } }, sent.messages)
    assert(chat:send("And now?"))
    sent = novita.json.decode(talk.sim:journal()[2].body)
    assert.are.same({ role = "user", content = parts }, sent.messages[1])
  end)

  it("names the place of what can't be sent", function()
    local err = talk.refuses { model = talk.MODEL, message = { "a", print } }
    assert.are.same({ "config", "message[2]" }, { err.kind, err.param })
    err = talk.refuses { model = talk.MODEL, messages = { { role = "user", content = { print } } } }
    assert.are.same({ "config", "messages[1].content[1]" }, { err.kind, err.param })
    local list = {}
    list[1] = { type = "x", list = list }
    err = talk.refuses { model = talk.MODEL, message = list }
    assert.is_truthy(err.message:find("a table that contains itself", 1, true), err.message)
  end)
end)
