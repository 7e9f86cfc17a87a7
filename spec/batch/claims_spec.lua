-- Claims of calls by one process: which of those in a store are sent.

local claims = require("novita.batch.claims")
local engine = require("spec.support.stores").sqlite

describe("claims of calls", function()
  local store

  before_each(function()
    store = engine.open()
    for seq = 1, 6 do
      assert(store:query("insert into call (batch, id, key) values (1, $1, 'k')",
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

for _, engine_of in ipairs(require("spec.support.stores").engines) do
  describe("the answer of a call in a store by " .. engine_of.name, function()
    local store, made

    setup(engine_of.setup)
    before_each(function()
      store = engine_of.open()
      assert(store:query("insert into call (batch, id, key, state) values (1, 'a', 'k', 'sent')"))
      made = store.kind == "sqlite" and claims.new(store, 1, "o")
        or assert(require("novita.batch.leases").new(store, 1))
      assert(store:query("update call set owner = $1", made.owner))
    end)
    after_each(engine_of.clear)

    -- Ends the call, in one turn, with each of these: { state, answer }.
    local function finish(...)
      local outcomes = {}
      for index, ending in ipairs { ... } do
        outcomes[index] = { n = 1, owner = made.owner, state = ending[1], answer = ending[2] }
      end
      assert(made:turn(outcomes, 0))
      local rows = assert(store:query("select state, body from call "
        .. "left join call_answer using (n)"))
      return { rows[1][1], rows[1][2] }
    end

    it("is the last one, where several come in one turn", function()
      assert.are.same({ "done", "b" }, finish({ "failed", "a" }, { "done", "b" }))
    end)

    it("is the first one that is good", function()
      assert.are.same({ "done", "a" }, finish({ "done", "a" }, { "done", "b" }, { "failed", "c" }))
      assert.are.same({ "done", "a" }, finish({ "done", "b" }))
    end)

    it("is gone where a later attempt failed without one", function()
      assert.are.same({ "failed", "a" }, finish { "failed", "a" })
      assert(made:resume(false, false))
      assert(store:query("update call set state = 'sent'"))
      assert.are.same({ "failed" }, finish { "failed" })
    end)

    it("stays where a later attempt was not made", function()
      assert.are.same({ "failed", "a" }, finish { "failed", "a" })
      assert(store:query("update call set state = 'sent'"))
      assert.are.same({ "waiting", "a" }, finish { "waiting" })
    end)
  end)
end
