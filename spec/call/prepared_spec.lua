-- Bodies of requests that are written first and sent later.

local novita = require("novita")

local core = require("novita.core")
local poll = require("novita.loop.poll")
local prepared = require("novita.call.prepared")
local settings = require("novita.call.settings")
local talk = require("spec.support.client")
local generator = require("spec.support.random")

-- The settings of a call to the simulator.
local function options(given)
  local all = { base_url = talk.sim.url, api_key = talk.KEY, retry = "none" }
  for name, value in pairs(given or {}) do all[name] = value end
  return settings.inherit(settings.defaults(), all)
end

local function body_of(request, given)
  return assert(prepared.chat(request, options(given)))
end

describe("a prepared chat", function()
  it("is the body that chat sends", function()
    for _, request in ipairs {
      talk.request(),
      talk.request { system_prompt = "S", temperature = "0.7", max_tokens = "16", stop = {} },
      talk.request { response_format = { schema = { type = "object", properties = {} } } },
      { model = "m", messages = { { role = "user", content = "\195\169" } }, metadata = {} },
    } do
      assert.are.equal(talk.sends(request), body_of(request))
    end
  end)

  it("has the defaults and the variables in it", function()
    local given = { defaults = { model = "{{m}}", top_p = 0.5 }, vars = { m = "x", who = "you" } }
    assert.are.equal('{"model":"x","messages":[{"content":"Hi you","role":"user"}],"top_p":0.5}',
      body_of({ message = "Hi {{who}}" }, given))
  end)

  it("is of a whole answer, whether the request is of a stream or not", function()
    local plain = body_of(talk.request())
    local usage = { include_usage = false }
    assert.are.equal(plain, body_of(talk.request { stream = true }))
    assert.are.equal(plain, body_of(talk.request { stream = false }))
    assert.are.equal(plain, body_of(talk.request { stream = true, stream_options = usage }))
    assert.are.equal(plain, body_of(talk.request { stream_options = false }))
  end)

  it("leaves the request as it was", function()
    local request = talk.request { stream = true, stream_options = { include_usage = true } }
    body_of(request)
    assert.are.equal(true, request.stream)
    assert.same({ include_usage = true }, request.stream_options)
  end)

  local refused = {
    { "a missing model", { message = "Hi" }, "model" },
    { "a wrong number", talk.request { temperature = 3 }, "temperature" },
    { "a misspelt field", talk.request { temprature = 1 }, "temprature" },
    { "a wrong stream", talk.request { stream = "yes" }, "stream" },
    { "a function", talk.request { metadata = { a = print } }, "metadata.a" },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[1] .. " as chat does", function()
      local body, err = prepared.chat(case[2], options())
      local expected = talk.refuses(case[2])
      assert.is_nil(body)
      assert.are.equal("config", err.kind)
      assert.are.equal(case[3], err.param)
      assert.are.equal(expected.message, err.message)
    end)
  end

  it("refuses a template that is wrong", function()
    local body, err = prepared.chat(talk.request { message = "{{no}}" }, options { vars = {} })
    assert.is_nil(body)
    assert.are.equal("config", err.kind)
    assert.are.equal("message", err.param)
  end)
end)

describe("settings with a precondition", function()
  it("are asked before each attempt, and an error in its place is not retried", function()
    local err = core.error { kind = "cancelled", message = "no more" }
    for attempts = 0, 2 do
      talk.sim:reset()
      talk.sim:script { { status = 503, uses = attempts + 1 } }
      local asked = 0
      local guarded = settings.guarded(options { retry = { initial_delay = 0.001 } }, function()
        asked = asked + 1
        return asked > attempts and err or nil
      end)
      local reply, info = prepared.send(body_of(talk.request()), guarded)
      assert.are.same({ nil, "cancelled", attempts }, { reply, info.kind, #talk.sim:journal() })
    end
  end)

  it("let a call go where there is none", function()
    talk.sim:reset()
    local guarded = settings.guarded(options(), function() return nil end)
    assert(prepared.send(body_of(talk.request()), guarded))
  end)
end)

describe("the body of a chat is a fixed point:", function()
  local function assert_fixed(body)
    assert.are.equal(body, body_of(assert(core.decode(body))))
  end

  local part = { type = "image_url", image_url = { url = "https://a.test/b.png", detail = "low" } }
  local call = { id = "1", type = "function", ["function"] = { name = "f", arguments = "{}" } }
  local schema = {
    type = "object", required = {}, properties = { a = { enum = {} }, required = {} },
  }
  local requests = {
    { "every input", talk.request { system_prompt = "S", temperature = "0.70", max_tokens = "1e3",
      top_p = "1.0", response_format = "json" } },
    { "integers", talk.request { seed = 2 ^ 53, n = 1, top_k = -1, min_p = 0 } },
    { "floats", talk.request { a = 0.1, b = 1e300, c = 1 / 3, d = 2 ^ -1074, e = -0.0, f = 1e19 } },
    { "text", talk.request { message = "\0\1\"\\/\127\195\169\240\159\152\128\226\128\168" } },
    { "parts", talk.request { message = { "a", part, "b" } } },
    { "tool calls", { model = "m", messages = { { role = "assistant", tool_calls = { call } },
      { role = "tool", tool_call_id = "1", content = "4" } } } },
    { "schemas", talk.request { response_format = { schema = schema, strict = true },
      tools = { { type = "function", ["function"] = { name = "f", parameters = schema } } } } },
    { "what is empty", talk.request { stop = {}, tools = {}, metadata = {}, x = { novita.array() },
      y = { a = {}, b = novita.array(), [""] = { {}, { {} } } } } },
    { "null in lists", talk.request { x = { novita.null, { novita.null } } } },
    { "many members", talk.request { x = { i = 1, h = 2, g = 3, f = 4, e = 5, d = 6, c = 7, b = 8,
      a = 9, aa = 1, ab = 2, ac = 3, ad = 4, ae = 5, af = 6, ag = 7, ah = 8, ai = 9 } } },
  }
  for _, case in ipairs(requests) do
    it(case[1], function() assert_fixed(body_of(case[2])) end)
  end

  it("of random values", function()
    local random, value = generator(7), nil
    local texts = { "", "a", "content", "tools", "x\ny", "\195\164", "\0", "properties" }
    local function pick(count) return math.floor(random() * count) + 1 end
    local function members(depth, list)
      local made = list and novita.array() or {}
      for index = 1, pick(4) - 1 do
        made[list and index or texts[pick(#texts)]] = value(depth - 1)
      end
      return made
    end
    function value(depth)
      local kind = pick(depth > 0 and 7 or 5)
      if kind == 1 then return texts[pick(#texts)] end
      if kind == 2 then return random() < 0.5 end
      if kind == 3 then return pick(2 ^ 53) - 2 ^ 52 end
      if kind == 4 then return (random() - 0.5) * 10 ^ (pick(40) - 20) end
      if kind == 5 then return -pick(1000) end
      return members(depth, kind == 6)
    end
    for _ = 1, 500 do assert_fixed(body_of(talk.request { x = value(4), [""] = value(3) })) end
  end)

  it("message and messages are the same", function()
    local texts = { { role = "system", content = "S" }, { role = "user", content = "Hi" } }
    assert.are.equal(body_of { model = "m", messages = texts },
      body_of { model = "m", system_prompt = "S", message = "Hi" })
  end)
end)

describe("a body", function()
  before_each(function() talk.sim:reset() end)

  it("is sent byte for byte", function()
    local body = '{ "model":"simulator/echo", "messages":[{"role":"user","content":"Hi"}] }'
    local reply, info = prepared.send(body, options())
    assert.is_truthy(reply, tostring(info))
    local entry = talk.sim:journal()[1]
    assert.are.equal(body, entry.body)
    assert.are.equal("POST", entry.method)
    assert.are.equal("/openai/v1/chat/completions", entry.path)
    assert.are.equal("application/json", entry.header["content-type"])
  end)

  it("leads to the reply and the info of a chat", function()
    local reply, info = prepared.send(body_of(talk.request()), options())
    local other = talk.client():chat(talk.request())
    assert.are.equal(other:text(), reply:text())
    assert.are.equal(getmetatable(other), getmetatable(reply))
    assert.are.equal(200, info.status)
    assert.are.equal(1, #info.attempts)
  end)

  it("has an answer of an odd shape mended, as chat does", function()
    local part = '{"type":"text","text":"a"}'
    talk.sim:script { { body = '{"choices":{"message":{"content":[' .. part .. "]}}}" } }
    local reply = assert(prepared.send(body_of(talk.request()), options()))
    assert.are.equal("a", reply.choices[1].message.content)
  end)

  it("has an answer that is none refused, as chat does", function()
    talk.sim:script { { body = "{}" } }
    local reply, err = prepared.send(body_of(talk.request()), options())
    assert.is_nil(reply)
    assert.are.equal("invalid_response", err.kind)
    assert.are.equal("{}", err.body)
  end)

  it("is tried again", function()
    talk.sim:script { { status = 503 } }
    local given = options { retry = { attempts = 2, initial_delay = 0.001 } }
    local _, info = prepared.send(body_of(talk.request()), given)
    assert.are.equal(2, #info.attempts)
    local first, second = talk.sim:journal()[1], talk.sim:journal()[2]
    assert.are.equal(first.body, second.body)
  end)

  it("has its tokens counted by limits", function()
    local body = body_of(talk.request { max_tokens = 2000 })
    local reply, err = prepared.send(body, options { limit = { tpm = 1000 } })
    assert.is_nil(reply)
    assert.are.equal("rate_limited_local", err.kind)
    assert.is_truthy(err.message:find("2007 tokens", 1, true), err.message)
    assert.are.equal(0, #talk.sim:journal())
  end)

  it("has the format of its request when the answer is to be parsed", function()
    talk.sim:always { body = talk.completion('"{\\"a\\":1}"') }
    local schema = { type = "object", properties = { a = { type = "integer" } } }
    local given = options { parse = true }
    local reply = assert(prepared.send(
      body_of(talk.request { response_format = { schema = schema } }), given))
    assert.same({ a = 1 }, reply.parsed)
    schema.properties.a.type = "string"
    local none, err = prepared.send(
      body_of(talk.request { response_format = { schema = schema } }), given)
    assert.is_nil(none)
    assert.are.equal("a", err.param)
  end)

  it("is logged and has a deadline", function()
    local events = {}
    local _, err = prepared.send(body_of(talk.request()), options {
      log = function(_, event) events[#events + 1] = event.event end, deadline = 1e-9,
    })
    assert.are.equal("timeout", err.kind)
    assert.are.equal("deadline", err.reason)
    assert.same({ "attempt", "failure" }, events)
  end)

  it("is sent by a task, which may be cancelled", function()
    talk.sim:always { delay = 1 }
    local task = poll.spawn(function()
      return prepared.send(body_of(talk.request()), options())
    end)
    poll.sleep(0.01)
    task:cancel()
    local _, err = task:wait()
    assert.are.equal("cancelled", err.kind)
  end)

  it("goes to any endpoint", function()
    local body = '{"model":"simulator/embed","input":["a","b"]}'
    local answer, info = prepared.send(body, options(), "/embeddings")
    assert.is_truthy(answer, tostring(info))
    assert.are.equal(2, #answer.data)
    assert.are.equal(body, talk.sim:journal()[1].body)
    assert.are.equal("/openai/v1/embeddings", talk.sim:journal()[1].path)
  end)

  it("has its tokens counted at any endpoint", function()
    local body = core.encode { model = "m", input = ("x"):rep(40000) }
    local answer, err = prepared.send(body, options { limit = { tpm = 1000 } }, "/embeddings")
    assert.is_nil(answer)
    assert.are.equal("rate_limited_local", err.kind)
  end)

  it("has a path that is refused if it is none", function()
    local answer, err = prepared.send("{}", options(), "embeddings")
    assert.is_nil(answer)
    assert.are.equal("path", err.param)
  end)
end)
