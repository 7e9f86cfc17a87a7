-- Requests of rows: their bytes and their keys.

local core = require("novita.core")
local identity = require("novita.batch.identity")
local settings = require("novita.call.settings")

local URL = "http://127.0.0.1/v1/chat/completions"

local function new(fields, options, url)
  fields.endpoint = fields.endpoint or "/chat/completions"
  return identity.new(fields, settings.inherit(settings.defaults(), options), url or URL)
end

local function row(fields)
  return { seq = 1, line = 1, row = fields }
end

local function request(fields)
  local all = { model = "m", message = "Say {{row.text}}", max_tokens = 9 }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end

describe("the request of a row", function()
  it("has the bytes that are sent, and their hash with the URL", function()
    local it = assert(new({ request = request() }):of(row { text = "hi" }))
    assert.are.equal(
      '{"model":"m","messages":[{"content":"Say hi","role":"user"}],"max_tokens":9}', it.body)
    assert.are.equal(core.sha256(URL .. "\n" .. it.body), it.key)
    assert.are.same({ "m", 9 }, { it.model, it.completion })
    assert.is_true(it.prompt >= 3 and it.prompt < 12)
  end)

  it("keeps its key whatever does not change the answer", function()
    local function key(fields, options, url)
      return new({ request = request(fields) }, options, url):of(row { text = "hi" }).key
    end
    local known = key()
    assert.are.equal(known, key({ stream = true }, { api_key = "sk_x", concurrency = 3 }))
    assert.are.equal(known, key { max_tokens = "9" })
    assert.are.equal(known, key({ message = "Say {{what}}" }, { vars = { what = "hi" } }))
    assert.are.equal(known, key(nil, { defaults = { model = "other" } }))
    for _, other in ipairs { key { max_tokens = 10 }, key { model = "n" }, key { top_p = 0.5 },
      key(nil, nil, URL .. "2") } do
      assert.are_not.equal(known, other)
    end
  end)

  it("takes what a batch line brings, as it is", function()
    local own = { messages = { { role = "user", content = "{{x}}" } }, max_tokens = 5 }
    local it = assert(new({ request = { model = "m", max_tokens = 9 } })
      :of { seq = 1, row = { body = own }, body = own, url = "/openai/v1/chat/completions" })
    local body = assert(core.decode(it.body))
    assert.are.same({ "{{x}}", 5 }, { body.messages[1].content, body.max_tokens })
  end)

  it("is of any endpoint", function()
    local self = new({ endpoint = "/embeddings", request = { model = "m", input = "{{row.text}}",
      stream = true } }, nil, "http://127.0.0.1/v1/embeddings")
    local it = assert(self:of(row { text = "hi" }))
    assert.are.equal('{"input":"hi","model":"m"}', it.body)
    assert.are.equal(0, it.completion)
    assert.are.equal("/embeddings", self.path)
  end)

  it("is none where a template is wrong", function()
    local none, err = new { request = request { message = "Say {{row.text" } }
    assert.is_nil(none)
    assert.are.same({ "config", "message" }, { err.kind, err.param })
  end)

  for _, case in ipairs {
    { "a variable that is missing", { request = request() }, row {}, "row.text" },
    { "a field that is wrong", { request = request { temperature = 9 } }, row { text = "x" },
      "temperature" },
    { "a batch line of another endpoint", { request = request() },
      { row = {}, body = {}, url = "/v1/embeddings" }, "is for /v1/embeddings" },
    { "a row without a body", {}, row {}, "has no body, and the batch no request" },
  } do
    it("is none for " .. case[1], function()
      local it, problem = new(case[2]):of(case[3])
      assert.is_nil(it)
      assert.is_truthy(problem:find(case[4], 1, true), problem)
    end)
  end
end)
