-- Misspelt fields of requests, and options among them.

local talk = require("spec.support.client")

local client = talk.client()

describe("a field of a request", function()
  local misspelt = {
    system_promt = "system_prompt", max_token = "max_tokens", temprature = "temperature",
    tempreture = "temperature", maxTokens = "max_tokens", topp = "top_p", tool = "tools",
    response_formt = "response_format", steam = "stream", frequncy_penalty = "frequency_penalty",
  }
  for name, meant in pairs(misspelt) do
    it(name .. " is taken for a misspelt " .. meant, function()
      local err = talk.refuses(talk.request { [name] = 1 })
      assert.are.equal("config", err.kind)
      assert.are.equal(name, err.param)
      assert.are.equal(('%s: unknown field; did you mean "%s"?'):format(name, meant), err.message)
    end)
  end

  it("that is an option is refused, also by map", function()
    local err = talk.refuses(talk.request { deadline = 5 })
    assert.are.equal("config", err.kind)
    assert.are.equal("deadline", err.param)
    assert.are.equal("deadline: is an option: pass it in the table after the request",
      err.message)
    local _, summary = client:map({ 1 }, talk.request { api_key = "sk_secret" })
    assert.are.equal("api_key", summary.errors[1].param)
    assert.are.same({}, talk.sim:journal())
  end)

  it("that is misspelt takes no turn of a limit", function()
    local limited = talk.client { limit = { concurrency = 1, rpm = 1 } }
    for _ = 1, 3 do
      local _, err = limited:chat(talk.request { temprature = 1 })
      assert.are.equal("temprature", err.param)
    end
    assert(limited:chat(talk.request()))
  end)

  it("that is missing is found in its misspelt name", function()
    local err = talk.refuses { model = "m", mesage = "Hi" }
    assert.are.equal('mesage: unknown field; did you mean "message"?', err.message)
    err = talk.refuses { model = "m", massages = {} }
    assert.are.equal('massages: unknown field; did you mean "messages"?', err.message)
    err = talk.refuses { modle = "m", message = "Hi" }
    assert.are.equal('modle: unknown field; did you mean "model"?', err.message)
  end)

  it("that is not known goes along", function()
    for _, name in ipairs { "min_tokens", "top_a", "models", "prompt", "min_completion_tokens",
      "use_beam_search", "user", "x", "top_n", "mode_of_work", "stops" } do
      local body = talk.sends(talk.request { [name] = 7 })
      assert.is_truthy(body:find(('"%s":7'):format(name), 1, true), name)
    end
  end)

  it("that only begins like one goes along, to its last byte", function()
    for _, name in ipairs { "model", "message", "temperature", "stream" } do
      local body = talk.sends(talk.request { [name .. "\0 of a kind"] = "x" })
      assert.is_truthy(body:find(('"%s\\u0000 of a kind":"x"'):format(name), 1, true), body)
    end
  end)

  it("that is near one which is there goes along", function()
    local body = talk.sends(talk.request { max_token = 7, max_tokens = 8, massage = 9 })
    assert.is_truthy(body:find('"max_token":7', 1, true))
    assert.is_truthy(body:find('"massage":9', 1, true))
  end)
end)
