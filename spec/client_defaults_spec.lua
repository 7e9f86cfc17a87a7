-- Fields that all requests of a client have, and the model of the environment.

local novita = require("novita")

local native = require("spec.support.native")
local talk = require("spec.support.client")

-- The fields that a call sends.
local function fields(call)
  talk.sim:reset()
  call()
  local entry = assert(talk.sim:journal()[1], "nothing was sent")
  return assert(novita.json.decode(entry.body))
end

local function chat_fields(client, request, options)
  return fields(function() assert(client:chat(request, options)) end)
end

describe("defaults", function()
  local client = talk.client { defaults = { model = talk.MODEL, temperature = 0.5, stop = "x" } }

  it("are under the request's own fields", function()
    local sent = chat_fields(client, { message = "Hi", temperature = 1 })
    assert.are.same({ talk.MODEL, 1, "x" }, { sent.model, sent.temperature, sent.stop })
    assert.are.equal("Hi", sent.messages[1].content)
  end)

  it("of a call lie over the client's, which stay as they are", function()
    local more = { temperature = 0, seed = 1 }
    local sent = chat_fields(client, { message = "Hi" }, { defaults = more })
    assert.are.same({ 0, 1, "x" }, { sent.temperature, sent.seed, sent.stop })
    sent = chat_fields(client, { message = "Hi", model = talk.MODEL }, { defaults = false })
    assert.is_nil(sent.temperature)
    assert.are.equal(0.5, chat_fields(client, { message = "Hi" }).temperature)
  end)

  it("serve every way to chat", function()
    local function check(call)
      assert.are.equal(0.5, fields(call).temperature)
    end
    check(function() assert(client:stream { message = "Hi" }):reply() end)
    check(function() client:chat({ message = "Hi" }, { on_text = function() end }) end)
    check(function() client:map({ 1 }, { message = "{{item}}" }) end)
    check(function()
      client:start({ message = "Hi" }, {})
      novita.run()
    end)
  end)

  it("may ask for a stream, a system prompt, and have variables", function()
    local own = talk.client {
      defaults = { model = "{{name}}", stream = true, system_prompt = "Be {{how}}." },
      vars = { name = talk.MODEL, how = "brief" },
    }
    local sent = chat_fields(own, { message = "Hi" })
    assert.are.same({ talk.MODEL, true, "Be brief." },
      { sent.model, sent.stream, sent.messages[1].content })
  end)

  it("are checked as the fields of a request are", function()
    local err = talk.refuses({ message = "Hi" }, { defaults = { model = "m", temprature = 1 } })
    assert.are.equal('temprature: unknown field; did you mean "temperature"?', err.message)
    err = talk.refuses({ message = "Hi" }, { defaults = { model = "m", temperature = 3 } })
    assert.are.equal("temperature", err.param)
    assert.has_error(function() novita.new { defaults = "m" } end)
  end)

  it("are named where a field of requests is given as an option", function()
    for _, name in ipairs { "model", "temperature", "system_prompt", "reasoning_effort" } do
      local ok, problem = pcall(novita.new, { [name] = "x" })
      assert.is_false(ok)
      local words = ("options.%s: unknown option; did you mean defaults = { %s = ... }?")
      assert.is_truthy(problem:find(words:format(name, name), 1, true), problem)
    end
  end)
end)

describe("NOVITA_MODEL", function()
  after_each(function() native.setenv("NOVITA_MODEL", nil) end)

  it("is the model of a request that has none", function()
    native.setenv("NOVITA_MODEL", talk.MODEL)
    assert.are.equal(talk.MODEL, chat_fields(talk.client(), { message = "Hi" }).model)
    native.setenv("NOVITA_MODEL", "simulator/request")
    assert.are.equal(talk.MODEL, chat_fields(talk.client(), talk.request()).model)
    local client = talk.client { defaults = { model = talk.MODEL } }
    assert.are.equal(talk.MODEL, chat_fields(client, { message = "Hi" }).model)
  end)

  it("is none if it is empty", function()
    native.setenv("NOVITA_MODEL", "")
    assert.are.equal("model: is missing", talk.refuses({ message = "Hi" }).message)
  end)
end)
