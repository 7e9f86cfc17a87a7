-- Options whose values are read at each attempt.

local talk = require("spec.support.client")

describe("an api_key that is a function", function()
  it("is asked at each call", function()
    local count = 0
    local client = talk.client { api_key = function()
      count = count + 1
      return "sk_number_" .. count
    end }
    assert.are.equal("Bearer sk_number_1", talk.chat_headers(client).authorization)
    assert.are.equal("Bearer sk_number_2", talk.chat_headers(client).authorization)
    assert.are.equal("Bearer sk_number_3",
      talk.headers(function() assert(client:models()) end).authorization)
  end)

  local wrong = {
    { "gives nothing", function() end, "the function returned nothing" },
    { "gives no text", function() return 12 end, "the function returned a number" },
    { "says why it has none", function() return nil, "the vault is locked" end,
      "the function returned nothing: the vault is locked" },
    { "gives an empty text", function() return "" end, "the value is empty" },
    { "gives a line", function() return "s3cret\n" end,
      "the value has a control character in it" },
  }
  for _, case in ipairs(wrong) do
    it("and " .. case[1] .. " is a config error", function()
      local err = talk.refuses(nil, { api_key = case[2] })
      assert.are.equal("config", err.kind)
      assert.are.equal("api_key", err.param)
      assert.are.equal("api_key: " .. case[3], err.message)
    end)
  end

  it("and raises an error raises it", function()
    local failure = {}
    local ok, err = pcall(talk.refuses, nil, { api_key = function() error(failure) end })
    assert.is_false(ok)
    assert.are.equal(failure, err)
  end)
end)
