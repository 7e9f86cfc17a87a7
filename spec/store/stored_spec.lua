-- JSON of a store: what damage or another program has made of it is an error that names it.

local stored = require("novita.store.stored")

describe("JSON that a store has kept", function()
  it("is a value, or an error that says which it was", function()
    assert.are.same({ 7, nil }, { stored.read("7", "run a: its trigger") })
    for _, text in ipairs { "", "{no", "[1", "\0", "{}x" } do
      local value, err = stored.read(text, "run a: its trigger")
      assert.are.same({ nil, "store", "corrupt" }, { value, err.kind, err.reason })
      assert.is_truthy(err.message:find("^run a: its trigger can't be read: %S"), err.message)
    end
  end)

  it("is an object where one is wanted", function()
    assert.are.same({ { a = 1 } }, { stored.object('{"a":1}', "x") })
    for _, text in ipairs { "7", "null", '"{}"', "{" } do
      assert.are.equal("corrupt", select(2, stored.object(text, "x")).reason)
    end
  end)

  it("is an error where one is wanted, whatever is there", function()
    local err = stored.error('{"kind":"server","message":"busy","status":503}', "x")
    assert.are.same({ "server", "busy", 503 }, { err.kind, err.message, err.status })
    for _, text in ipairs { "{no", "[1]", "7", "{}", '{"kind":7,"message":"a"}',
      '{"kind":"server"}',
      '{"kind":"server","message":[]}', '{"kind":"server","message":"a","status":{}}' } do
      err = stored.error(text, "x")
      assert.is_string(err.kind)
      assert.is_string(tostring(err))
      assert.is_string(err.message)
    end
  end)
end)
