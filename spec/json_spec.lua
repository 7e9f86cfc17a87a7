-- novita.json: JSON as the client reads and writes it.

local novita = require("novita")

describe("novita.json", function()
  it("decodes what it encodes, with null in lists and without it in objects", function()
    local text = assert(novita.json.encode { b = { 1, novita.null }, a = novita.array {} })
    assert.are.equal('{"a":[],"b":[1,null]}', text)
    assert.are.same({ b = { 1, novita.null }, a = {} }, novita.json.decode(text))
    assert.are.same({}, novita.json.decode('{"a":null}'))
  end)

  it("gives an error for what is no JSON, and for what can't be JSON", function()
    local value, err = novita.json.decode('{"a":')
    assert.is_nil(value)
    assert.are.equal("invalid_response", err.kind)
    value, err = novita.json.encode { a = print }
    assert.is_nil(value)
    assert.are.equal("config", err.kind)
  end)
end)
