-- Clients: options inherited, keys kept secret, the list of models, and mistakes that raise.

local novita = require("novita")

local child = require("spec.support.child")
local talk = require("spec.support.client")

local KEY = "sk_client_s3cret_key"

describe("the environment", function()
  local function run(code, environment)
    return (child.run("local novita = require('novita') " .. code, environment))
  end
  local function set(more)
    local environment = { NOVITA_BASE_URL = talk.sim.url, NOVITA_API_KEY = "sk_environment" }
    for name, value in pairs(more or {}) do environment[name] = value end
    return environment
  end
  local CHAT = "local reply, err = novita.chat { model = 'simulator/echo', message = 'Hi' } "
    .. "print(reply or err)"

  it("gives key and base_url", function()
    local header = talk.headers(function() assert.are.equal("Hi\n", run(CHAT, set())) end)
    assert.are.equal("Bearer sk_environment", header.authorization)
  end)

  it("counts less than options, even if it is wrong", function()
    local header = talk.headers(function()
      assert.are.equal("true\n", run(("print(novita.new { base_url = '%s', api_key = 'sk_option' }"
        .. ":chat { model = 'simulator/echo', message = 'Hi' } ~= nil)"):format(talk.sim.url),
        { NOVITA_BASE_URL = "nonsense", NOVITA_API_KEY = "two words" }))
    end)
    assert.are.equal("Bearer sk_option", header.authorization)
  end)

  it("is named when it is wrong", function()
    assert.are.equal('config: base_url: "nonsense" is not an http:// or https:// URL '
      .. "(from NOVITA_BASE_URL)\n", run(CHAT, set { NOVITA_BASE_URL = "nonsense" }))
    assert.are.equal("config: api_key: the value has a control character in it "
      .. "(from NOVITA_API_KEY)\n", run(CHAT, set { NOVITA_API_KEY = "s3cret\n" }))
  end)

  it("that is empty is as if it were not set", function()
    assert.is_truthy(run(CHAT, set { NOVITA_API_KEY = "" }):find("api_key: is missing", 1, true))
    assert.are.equal("novita.client (default base_url)\n",
      run("print(novita.new())", { NOVITA_BASE_URL = "" }))
  end)
end)

describe("a client", function()
  -- Every string that can be reached from a value.
  local function dump(value, seen)
    if type(value) ~= "table" or seen[value] then return tostring(value) end
    seen[value] = true
    local parts = { tostring(value), dump(getmetatable(value), seen) }
    for name, item in pairs(value) do
      parts[#parts + 1] = dump(name, seen) .. "=" .. dump(item, seen)
    end
    return table.concat(parts, "\n")
  end

  it("shows its base_url, and no key", function()
    local client = talk.client { api_key = KEY, headers = { ["X-Api-Key"] = KEY } }
    assert.are.equal("novita.client (" .. talk.sim.url .. ")", tostring(client))
    assert.is_nil(tostring(novita.new { base_url = "sk_s3cret" }):find("s3cret", 1, true))
    assert.is_nil(dump(client, {}):find("s3cret", 1, true))
  end)

  it("shows no password that is in a base_url by mistake", function()
    local client = novita.new { base_url = "https://user:s3cret@host/v1?key=s3cret" }
    assert.is_nil(dump(client, {}):find("s3cret", 1, true))
  end)

  local mistakes = {
    { "no request", function(client) client:chat() end, "request: expected a table, got nil" },
    { "a text for a request", function(client) client:chat("Hi") end,
      'request: expected a table, got "Hi"' },
    { "options that are a text", function(client) client:chat({}, "x") end,
      "options: expected a table, got a string" },
  }
  for _, case in ipairs(mistakes) do
    it("raises for " .. case[1] .. ", where it was made", function()
      local ok, err = pcall(case[2], talk.client())
      assert.is_false(ok)
      assert.are.equal(case[3], err:match("^.-client_spec%.lua:%d+: (.*)$"), err)
    end)
  end

  local steering = {
    loop = 5, vars = "x", log = "x", on_text = {}, on_chunk = "x", on_progress = 1,
    concurrency = 0, on_error = "maybe", retry = "often", limit = 5,
  }
  for name, value in pairs(steering) do
    it(("raises for the option %s of %s"):format(name, tostring(value)), function()
      local ok, err = pcall(talk.client, { [name] = value })
      assert.is_false(ok)
      assert.is_truthy(err:find(name, 1, true), err)
    end)
  end

  it("of the plain functions raises too", function()
    for _, call in ipairs { novita.chat, novita.models, novita.new } do
      local ok, err = pcall(call, "Hi")
      assert.is_false(ok)
      assert.is_truthy(err:find('expected a table, got', 1, true), err)
    end
  end)
end)

describe("the list of models", function()
  it("is what the server offers, and info beside it", function()
    talk.sim:reset()
    local list, info = talk.client():models()
    assert.is_true(#list > 5)
    for _, model in ipairs(list) do
      assert.are.equal("string", type(model.id))
      assert.is_truthy(tostring(model.context_size):find("^%d+$"))
    end
    assert.are.equal(200, info.status)
    local entry = talk.sim:journal()[1]
    assert.are.equal("GET", entry.method)
    assert.are.equal("/openai/v1/models", entry.path)
    assert.are.equal("", entry.body)
    assert.is_nil(entry.header["content-type"])
    assert.are.equal("Bearer " .. talk.KEY, entry.header.authorization)
  end)

  it("needs no key", function()
    local header = talk.headers(function() assert(talk.client({ api_key = false }):models()) end)
    assert.is_nil(header.authorization)
    local output = child.run("print(#require('novita').models() > 5)",
      { NOVITA_BASE_URL = talk.sim.url })
    assert.are.equal("true\n", output)
  end)

  local answers = {
    { { body = '{"data":[]}' }, 0 }, { { body = '{"object":"list","data":[{"id":"a"}]}' }, 1 },
    { { body = "{}" }, "invalid_response" }, { { body = "[]" }, 0 },
    { { body = '{"data":"x"}' }, "invalid_response" }, { { body = "null" }, "invalid_response" },
    { { body = '{"data":{"a":1}}' }, "invalid_response" },
    { { body = '{"data":["a"]}' }, "invalid_response" },
    { { body = "<html>" }, "invalid_response" }, { { body = "" }, "invalid_response" },
    { { status = 401 }, "authentication" }, { { status = 404, body = "no" }, "not_found" },
    { { body = '{"error":{"message":"m"}}' }, "api_error" }, { { cut = 5 }, "connection" },
  }
  for _, case in ipairs(answers) do
    it(("of %s is %s"):format(case[1].body or case[1].status or "half a body", case[2]), function()
      talk.sim:reset()
      talk.sim:script { case[1] }
      local list, info = talk.client():models()
      assert.are.equal(case[2], list and #list or info.kind)
      if not list then assert.are.equal(case[1].status or 200, info.status) end
    end)
  end
end)
