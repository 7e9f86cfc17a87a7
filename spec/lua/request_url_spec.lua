-- The URL of a request: base_url and a path.

local talk = require("spec.support.client")

describe("base_url", function()
  local host = talk.sim.url:match("^http://([^/]+)")
  local good = {
    ["/openai/v1"] = "/openai/v1", ["/openai/v1/"] = "/openai/v1", ["/openai/v1///"] = "/openai/v1",
    ["/openai"] = "/openai", ["/v3/openai"] = "/v3/openai", [""] = "", ["/"] = "",
    ["/a@b:c"] = "/a@b:c",
  }
  for path, sent in pairs(good) do
    it("may have the path " .. path, function()
      local _, entry = talk.sends(nil, { base_url = "http://" .. host .. path })
      assert.are.equal(sent .. "/chat/completions", entry.path)
    end)
  end

  it("may have its scheme in capitals", function()
    talk.sends(nil, { base_url = "HTTP://" .. host .. "/openai/v1" })
  end)

  local SCHEME, FORM = "is not an http:// or https:// URL", "is not the URL of a host and a path"
  local USER, CONTROL = "has a user name or password in it", "has a control character in it"
  local bad = {
    { "ftp://x/v1", '"ftp://x/v1" ' .. SCHEME }, { "file:///etc/passwd", SCHEME },
    { "javascript:alert(1)", SCHEME }, { "", '"" ' .. SCHEME }, { "host/v1", SCHEME },
    { "//host/v1", SCHEME }, { "http:/host", SCHEME }, { " http://host/v1", SCHEME },
    { "http://", FORM }, { "http:///v1", FORM }, { "http://a b/v1", FORM },
    { "http://host/a b", FORM }, { "http://host\\v1", FORM }, { "http://host/v1#x", FORM },
    { "http://host/v1?key=s3cret", "the value " .. FORM },
    { "https://user:s3cret@host/v1", "the value " .. USER }, { "http://s3cret@host", USER },
    { "http://a@b:s3cret@host", USER },
    { "sk_s3cret", "the value " .. SCHEME }, { "sk-s3cret", "the value " .. SCHEME },
    { "http://host/a\r\nX: y", CONTROL }, { "http://host/\0", CONTROL },
    { "http://host\n", CONTROL },
    { "http://host:99999/v1", '"http://host:99999/v1" is not a URL' },
    { "http://host:x/v1", "is not a URL" }, { "http://[::1/v1", "is not a URL" },
    { 12, "12 is not a string" }, { false, "false is not a string" }, { {}, "a table is not" },
  }
  for _, case in ipairs(bad) do
    it(("can't be %q"):format(tostring(case[1])), function()
      local err = talk.refuses_options { base_url = case[1] }
      assert.are.equal("base_url", err.param)
      assert.is_truthy(err.message:find(case[2], 1, true), err.message)
      assert.is_nil(err.message:find("s3cret", 1, true))
    end)
  end
end)
