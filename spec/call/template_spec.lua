-- Templates in calls: what arrives at the server, and what is refused before anything is sent.

local cjson = require("cjson")

local novita = require("novita")
local talk = require("spec.support.client")

-- The request that the server got for this one and these variables.
local function sent(request, vars)
  return cjson.decode((talk.sends(request, { vars = vars })))
end

local TRIGGER = { trigger = { model = talk.MODEL, text = "Hi there", count = 12, heat = 0.5 } }

describe("a request with variables", function()
  it("is filled in", function()
    local body = sent({
      model = "{{trigger.model}}", message = "Say: {{trigger.text}}", system_prompt = "{{n}}.",
    }, { trigger = TRIGGER.trigger, n = 3 })
    assert.are.equal(talk.MODEL, body.model)
    assert.are.equal("3.", body.messages[1].content)
    assert.are.equal("Say: Hi there", body.messages[2].content)
  end)

  it("keeps numbers, lists and flags what they are", function()
    local body = sent(talk.request {
      max_tokens = "{{trigger.count}}", temperature = "{{trigger.heat}}", stop = "{{stop}}",
      logprobs = "{{yes}}",
    }, { trigger = TRIGGER.trigger, stop = { "a", "b" }, yes = true })
    assert.are.equal(12, body.max_tokens)
    assert.are.equal(0.5, body.temperature)
    assert.are.same({ "a", "b" }, body.stop)
    assert.is_true(body.logprobs)
  end)

  it("takes values as they are, braces and all", function()
    for _, value in ipairs { "{{trigger.text}}", "{{=<% %>=}}", "}} {{#a}}", "100 % %0" } do
      local body = sent({ model = talk.MODEL, message = "<{{value}}>" }, { value = value })
      assert.are.equal("<" .. value .. ">", body.messages[1].content)
    end
  end)

  it("is not changed, and without vars it is no template", function()
    local request = { model = "{{trigger.model}}", message = "{{trigger.text}}" }
    sent(request, TRIGGER)
    assert.are.equal("{{trigger.text}}", request.message)
    local body = cjson.decode((talk.sends(talk.request { message = "{{trigger.text}}" })))
    assert.are.equal("{{trigger.text}}", body.messages[1].content)
  end)

  it("takes the variables of the client, unless the call has others", function()
    talk.sim:reset()
    local client = talk.client { vars = { word = "one" } }
    local request = talk.request { message = "{{word}}" }
    assert.are.equal("one", client:chat(request):text())
    assert.are.equal("two", client:chat(request, { vars = { word = "two" } }):text())
    assert.are.equal("{{word}}", client:chat(request, { vars = false }):text())
  end)

  it("may be streamed", function()
    local client, pieces = talk.client { vars = TRIGGER }, {}
    local request = talk.request { message = "{{trigger.text}}" }
    assert.are.equal("Hi there", client:stream(request):reply():text())
    client:chat(request, { on_text = function(text) pieces[#pieces + 1] = text end })
    assert.are.equal("Hi there", table.concat(pieces))
  end)

  it("may be mapped over items", function()
    local request = talk.request { message = "{{index}} {{item.name}} {{word}}" }
    local replies, summary = talk.client():map({ { name = "a" }, { name = "b" } }, request,
      { vars = { word = "x" } })
    assert.are.equal(2, summary.ok)
    assert.are.equal("1 a x", replies[1]:text())
    assert.are.equal("2 b x", replies[2]:text())
    replies = talk.client():map({ "p", 7 }, talk.request { message = "{{item}}!" })
    assert.are.equal("p!", replies[1]:text())
    assert.are.equal("7!", replies[2]:text())
  end)
end)

describe("a template that can't be filled", function()
  local wrong = {
    { "message", { message = "{{trigger.txt}}" } },
    { "system_prompt", { system_prompt = "{{" } },
    { "messages[2].content", {
      messages = { { role = "user", content = "a" }, { role = "user", content = "{{x}}" } } } },
    { "messages[1].content[1].text", {
      messages = { { role = "user", content = { { type = "text", text = "{{x | no}}" } } } } } },
    { "response_format.schema.title", { response_format = { schema = { title = "{{x}}" } } } },
  }
  for _, case in ipairs(wrong) do
    it("is a config error of " .. case[1] .. ", and nothing is sent", function()
      talk.sim:reset()
      local client = talk.client { vars = TRIGGER, retry = "default" }
      local request = talk.request(case[2])
      for _, options in ipairs { {}, { on_text = print } } do
        local reply, err = client:chat(request, options)
        assert.is_nil(reply)
        assert.are.equal("config", err.kind)
        assert.are.equal(case[1], err.param)
        assert.is_truthy(err.message:find(case[1], 1, true))
      end
      local stream, err = client:stream(request)
      assert.is_nil(stream)
      assert.are.equal("config", err.kind)
      assert.are.equal(0, #talk.sim:journal())
    end)
  end

  it("is that item's error in a map", function()
    local replies, summary = talk.client():map({ { a = 1 }, {} }, talk.request {
      message = "{{item.a}}",
    })
    assert.are.equal("1", replies[1]:text())
    assert.are.equal("message", summary.errors[2].param)
  end)
end)

describe("novita.template and novita.fill", function()
  it("need no client", function()
    local template = assert(novita.template("Hello {{name}}"))
    assert.are.equal("Hello you", template { name = "you" })
    assert.are.same({ "name" }, template:variables())
    assert.are.same({ a = { 5 } }, novita.fill({ a = { "{{n}}" } }, { n = 5 }))
  end)

  it("fail as calls do: kind config, and one line", function()
    local loop = {}
    loop.loop = loop
    local failures = {
      { novita.template("{{#a}}") }, { novita.template("{{x | nothing}}") },
      { novita.template("Hi {{x}}") {} }, { novita.fill({ a = "{{x}}" }, {}) },
      { novita.fill(loop, {}) },
    }
    for index = 1, 5 do
      local value, err = failures[index][1], failures[index][2]
      assert.is_nil(value)
      assert.are.equal("config", err.kind)
      assert.are.equal(err.message, tostring(err))
      assert.is_nil(err.message:find("\n", 1, true))
    end
  end)
end)
