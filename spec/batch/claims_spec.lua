-- Claims of calls by one process: which of those in a store are sent.

local claims = require("novita.batch.claims")
local engine = require("spec.support.stores").sqlite

describe("claims of calls", function()
  local store

  before_each(function()
    store = engine.open()
    for seq = 1, 6 do
      assert(store:query("insert into call (batch, id, key, request) values (1, $1, 'k', '{}')",
        "r" .. seq))
    end
  end)
  after_each(engine.clear)

  -- The rows of the input.
  local function name(...)
    for _, seq in ipairs { ... } do
      assert(store:query("insert into item (batch, seq, id, key) values (1, $1, $2, 'k')", seq,
        "r" .. seq))
    end
  end

  local function take(count, fitting)
    local list = assert(claims.new(store, 1, "this process"):turn({}, count, function(found)
      return fitting or #found
    end))
    local names = {}
    for index, claim in ipairs(list) do names[index] = claim.id end
    return table.concat(names, " ")
  end

  local function sent()
    local names = {}
    local rows = assert(store:query("select id from call where state = 'sent' and sends = 1 "
      .. "and owner is not null order by n"))
    for index, row in ipairs(rows) do names[index] = row[1] end
    return table.concat(names, " ")
  end

  it("send the next ones, as many as are wanted", function()
    name(1, 2, 3, 4, 5, 6)
    assert.are.same({ "r1 r2 r3", "r1 r2 r3" }, { take(3), sent() })
    assert.are.same({ "r4 r5 r6", "r1 r2 r3 r4 r5 r6" }, { take(9), sent() })
  end)

  it("send those alone that fit", function()
    name(1, 2, 3, 4)
    assert.are.same({ "r1 r2", "r1 r2" }, { take(4, 2), sent() })
  end)

  it("leave calls between them that no row of the input names", function()
    name(1, 3, 4, 6)
    assert.are.same({ "r1 r3", "r1 r3" }, { take(2), sent() })
    assert.are.same({ "r4 r6", "r1 r3 r4 r6" }, { take(9), sent() })
  end)

  it("leave calls between them that have ended", function()
    name(1, 2, 3)
    assert(store:query("update call set state = 'done' where id = 'r2'"))
    assert.are.same({ "r1 r3", "r1 r3" }, { take(9), sent() })
  end)
end)
