-- The query of a request is redacted wherever an error or a log could show it.

local talk = require("spec.support.client")

describe("a query", function()
  it("is in no error and in no log", function()
    local SECRET, lines = "s3cret/key+0123456789", {}
    local client = talk.client { query = { key = SECRET }, log = function(_, event)
      for name, value in pairs(event) do lines[#lines + 1] = name .. tostring(value) end
    end }
    talk.sim:script { { status = 404, message = "no " .. SECRET .. " here" } }
    local _, err = client:chat(talk.request())
    for _, text in ipairs { tostring(err), err.message, err.body, table.concat(lines) } do
      assert.is_nil(text:find("s3cret", 1, true), text)
    end
  end)

  it("is in no error if it stands in the path of a request", function()
    local client = talk.client()
    talk.sim:script { { status = 404, message = "no s3cret/key+0123456789 here" } }
    local _, err = client:request { path = "/things?a=1&key=s3cret%2Fkey%2b0123456789&b" }
    for _, text in ipairs { tostring(err), err.message, err.body } do
      assert.is_nil(text:find("s3cret", 1, true), text)
    end
    assert.is_truthy(err.message:find("/things)", 1, true), err.message)
    for _, path in ipairs { "things?key=s3cret", "/my things?key=s3cret" } do
      _, err = client:request { path = path }
      assert.are.equal("path", err.param)
      assert.is_nil(err.message:find("s3cret", 1, true), err.message)
    end
  end)

  it("is masked under each name that stands for a secret", function()
    for _, name in ipairs { "key", "sig", "X-Amz-Credential", "session", "pass" } do
      talk.sim:reset()
      talk.sim:script { { status = 400, message = "no " .. name .. "=s3cret-0123456789" } }
      local _, err = talk.client { query = { [name] = "s3cret-0123456789" } }:chat(talk.request())
      assert.is_nil((tostring(err) .. err.body):find("s3cret", 1, true), name)
    end
  end)
end)
