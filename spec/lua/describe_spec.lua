-- Values and paths in messages: of reasonable length, and one line.

local talk = require("spec.support.client")

local function with(fields)
  return talk.request(fields)
end

local function nest(depth)
  local root = {}
  local inner = root
  for _ = 1, depth do
    inner.a = {}
    inner = inner.a
  end
  return root
end

describe("a request is refused, and nothing sent, for", function()
  it("values nested too deep, in a message of reasonable length", function()
    talk.sends(with { x = nest(150) })
    local err = talk.refuses(with { x = nest(300) })
    assert.is_truthy(err.message:find("^x%.a%.a%.a[.a]*%.%.%.: nested deeper than %d+$"))
    assert.is_true(#err.message < 300)
    err = talk.refuses(with { x = nest(100000) })
    assert.is_true(#err.message < 300)
  end)

  it("a long value, in a message of reasonable length and one line", function()
    local err = talk.refuses(with { temperature = ("\195\164\n"):rep(1000) })
    assert.is_true(#err.message < 300)
    assert.is_nil(err.message:find("%c"))
    assert.is_nil(err.message:find("\239\191\189", 1, true))
    err = talk.refuses(with { x = { [("k"):rep(100000)] = print } })
    assert.is_true(#err.message < 300)
  end)
end)
