-- The option `query`: what servers want in every URL.

local core = require("novita.core")

local talk = require("spec.support.client")

local function path_of(call)
  talk.sim:reset()
  call()
  return assert(talk.sim:journal()[1], "nothing was sent").path
end

local function chat_path(options, more)
  return path_of(function() assert(talk.client(options):chat(talk.request(), more)) end)
end

describe("a query", function()
  it("is in the URL of every call, in the order of its names", function()
    local query = { ["api-version"] = "2024-10-21", z = 1, a = true }
    local client = talk.client { query = query }
    local tail = "?a=true&api-version=2024-10-21&z=1"
    local paths = {
      ["/openai/v1/chat/completions"] = function() assert(client:chat(talk.request())) end,
      ["/openai/v1/models"] = function() assert(client:models()) end,
    }
    for path, call in pairs(paths) do assert.are.equal(path .. tail, path_of(call)) end
    assert.are.equal("/openai/v1/chat/completions" .. tail,
      path_of(function() assert(client:stream(talk.request())):reply() end))
  end)

  it("is escaped", function()
    assert.are.equal("/openai/v1/chat/completions?%C3%A4%26=a%20b%2Bc%2F%3F%23%00~-._",
      chat_path { query = { ["ä&"] = "a b+c/?#\0~-._" } })
  end)

  it("has whole numbers without a fraction, and all of their digits", function()
    assert.are.equal("/openai/v1/chat/completions?a=5&b=1234567890123456&c=0.1",
      chat_path { query = { a = 10 / 2, b = 1234567890123456.0, c = 0.1 } })
  end)

  it("of a call is added to the client's, which stays as it is", function()
    local client = talk.client { query = { a = 1, b = 2 } }
    local function path(options)
      local whole = path_of(function() assert(client:chat(talk.request(), options)) end)
      return whole:match("%?.*") or ""
    end
    assert.are.equal("?a=1&b=3&c=4", path { query = { b = 3, c = 4 } })
    assert.are.equal("?b=2", path { query = { a = false } })
    assert.are.equal("", path { query = false })
    assert.are.equal("?a=1&b=2", path {})
  end)

  it("is copied when it is given", function()
    local query = { a = 1 }
    local client = talk.client { query = query }
    query.a = 2
    assert.are.equal("?a=1",
      path_of(function() assert(client:chat(talk.request())) end):match("%?.*"))
  end)

  it("with a name or a value that can't be sent is a config error", function()
    local wrong = {
      { { a = {} }, 'query["a"]: the value is not a string or a number' },
      { { a = 1 / 0 }, 'query["a"]: the value is not a finite number' },
      { { a = print }, 'query["a"]: the value is not a string or a number' },
      { { "a" }, "query[1]: is not the name of a parameter" },
      { { [""] = "a" }, 'query[""]: is not the name of a parameter' },
    }
    for _, case in ipairs(wrong) do
      local err = talk.refuses(nil, { query = case[1] })
      assert.are.equal("config", err.kind)
      assert.are.equal(case[2], err.message)
    end
    assert.has_error(function() talk.client { query = "a=b" } end)
    assert.are.equal("config", select(2, core.url("/", { query = 1 })).kind)
  end)

  it("that is no table is not repeated", function()
    for _, name in ipairs { "query", "headers" } do
      for _, misuse in ipairs {
        function() talk.client { [name] = "key=s3cret" }:chat(talk.request()) end,
        function() talk.client():request { path = "/", [name] = "key=s3cret" } end,
      } do
        local ok, message = pcall(misuse)
        assert.is_nil(not ok and message:find("s3cret", 1, true) or nil, message)
      end
    end
  end)
end)
