-- Claims of calls that several processes share: who has which, and whose answer counts.

local budget = require("novita.batch.budget")
local core = require("novita.core")
local engine = require("spec.support.stores").postgres
local leases = require("novita.batch.leases")
local poll = require("novita.loop.poll")

local SHORT = 0.2 -- seconds of a lease that is to expire

describe("leases of calls, #postgres,", function()
  local store, other

  setup(engine.setup)
  before_each(function()
    store, other = engine.open(), engine.open()
    for seq = 1, 6 do
      assert(store:query("insert into item (batch, seq, id, key) values (1, $1, $2, 'k')", seq,
        "r" .. seq))
      assert(store:query("insert into call (batch, id, key) values (1, $1, 'k')",
        "r" .. seq))
    end
  end)
  after_each(engine.clear)

  local function open(on, seconds, hold)
    local claims = assert(leases.new(on, 1, seconds or 60))
    assert(claims:resume(hold or false, false))
    return claims
  end

  local function all(list) return #list end

  local function ids(list)
    local names = {}
    for index, claim in ipairs(list) do names[index] = claim.id end
    return table.concat(names, " ")
  end

  local function take(claims, count) return assert(claims:turn({}, count, all)) end

  local function outcome(claim, fields)
    local result = {
      n = claim.n, owner = claim.owner, state = "done", attempts = 1, status = 200, answer = "{}",
      prompt_tokens = 10, completion_tokens = 5, usd = 0.5,
    }
    for name, value in pairs(fields or {}) do result[name] = value end
    return result
  end

  local function finish(claims, claim, fields)
    assert(claims:turn({ outcome(claim, fields) }, 0))
  end

  local function row(id)
    local found = assert(store:query([[select state, owner, sends, doubts, extra, prompt_tokens,
      completion_tokens, usd, error, body from call left join call_answer on call_answer.n = call.n
      where id = $1]], id))[1]
    return {
      state = found[1], owner = found[2], sends = found[3], doubts = found[4], extra = found[5],
      prompt = found[6], completion = found[7], usd = found[8], error = found[9],
      answer = found[10],
    }
  end

  it("are one process's, and others skip them", function()
    local one, two = open(store), open(other)
    assert.are.equal("r1 r2 r3 r4", ids(take(one, 4)))
    assert.are.equal("r5 r6", ids(take(two, 4)))
    local none = take(one, 4)
    assert.are.same({ 0, true, false }, { #none, none.pending, none.more })
    assert.are.same({ "sent", one.owner, 1, 0 }, { row("r1").state, row("r1").owner,
      row("r1").sends, row("r1").doubts })
    assert.is_truthy(one.owner:find("^novita %d+, %x+$"))
    local names = { one.owner, two.owner }
    table.sort(names)
    assert.are.equal(table.concat(names, "; "), one:running())
  end)

  it("are skipped while another's transaction has them", function()
    local one, two = open(store), open(other)
    assert(store:transaction(function()
      assert(store:query("select * from call where id in ('r1', 'r2') for update"))
      assert.are.equal("r3", ids(take(two, 1)))
      return true
    end))
    assert.are.equal("r1", ids(take(one, 1)))
  end)

  it("end with their rows: then none is pending", function()
    local one, two = open(store), open(other)
    for _, claim in ipairs(take(one, 6)) do finish(one, claim) end
    local none = take(two, 1)
    assert.are.same({ 0, false }, { #none, none.pending })
    assert.are.same({ "done", "{}", 10, 0 }, { row("r3").state, row("r3").answer, row("r3").prompt,
      row("r3").extra })
  end)

  it("expire, and are claimed again, in doubt", function()
    local one, two = open(store, SHORT), open(other)
    take(one, 6)
    assert.are.equal("", ids(take(two, 6)))
    poll.sleep(SHORT)
    assert.are.equal("r1 r2 r3 r4 r5 r6", ids(take(two, 6)))
    assert.are.same({ two.owner, 2, 1 }, { row("r1").owner, row("r1").sends, row("r1").doubts })
  end)

  it("are not of calls at the server's Batch API", function()
    local one = open(store)
    assert(store:query("update call set state = 'sent', remote = 1, lease = {now} - 1"))
    local none = take(one, 6)
    assert.are.same({ 0, false }, { #none, none.pending })
  end)

  it("are held in doubt where that is wanted, and nobody waits for them", function()
    local one, two = open(store, SHORT), open(other, 60, true)
    take(one, 6)
    assert.is_true(take(two, 6).pending)
    poll.sleep(SHORT)
    local none = take(two, 6)
    assert.are.same({ 0, false }, { #none, none.pending })
  end)

  it("last as long as they are renewed", function()
    local one, two = open(store, SHORT), open(other)
    local claim = take(one, 6)[1]
    for _ = 1, 8 do
      poll.sleep(SHORT / 4)
      assert(one:renew())
      assert.is_nil(one:refusal(claim))
    end
    assert.are.equal("", ids(take(two, 6)))
  end)

  it("of a process that was stopped are sent by it no more, and it goes on under another name",
    function()
      local one = open(store, SHORT)
      local claim = take(one, 1)[1]
      poll.sleep(SHORT)
      local err = one:refusal(claim)
      assert.are.equal("cancelled", err.kind)
      assert(one:renew())
      assert.are_not.equal(claim.owner, one.owner)
      assert.is_truthy(one:refusal(claim))
      assert.is_nil(one:refusal(take(one, 1)[1]))
      finish(one, claim, { state = "waiting" })
      assert.are.same({ "waiting", 0 }, { row("r1").state, row("r1").sends })
    end)

  it("are given back by their owner alone", function()
    local one, two = open(store, SHORT), open(other)
    local claim = take(one, 6)[1]
    poll.sleep(SHORT)
    take(two, 6)
    finish(one, claim, { state = "waiting" })
    assert.are.same({ "sent", two.owner, 2 }, { row("r1").state, row("r1").owner, row("r1").sends })
  end)

  it("end with a call that was broken off, which stays in doubt", function()
    local one, two = open(store), open(other)
    finish(one, take(one, 6)[2], { state = "sent" })
    poll.sleep(0.001)
    assert.are.equal("r2", ids(take(two, 6)))
    assert.are.equal(1, row("r2").doubts)
  end)

  it("don't decide whose answer counts: the first does, and the later one is extra", function()
    local one, two = open(store, SHORT), open(other)
    local late = take(one, 6)[1]
    poll.sleep(SHORT)
    local again = take(two, 6)[1]
    finish(one, late, { answer = "first" })
    finish(two, again, { answer = "second", prompt_tokens = 11 })
    assert.are.same({ state = "done", owner = one.owner, sends = 2, doubts = 1, extra = 1,
      prompt = 21, completion = 10, usd = 1, answer = "first" }, row("r1"))
  end)

  it("let no failure of one who had the call overwrite what became of it", function()
    local one, two = open(store, SHORT), open(other)
    local late = take(one, 6)
    poll.sleep(SHORT)
    local again = take(two, 6)
    finish(one, late[1], { state = "failed", error = "late", prompt_tokens = false or nil })
    assert.are.equal("sent", row("r1").state)
    finish(two, again[1])
    finish(one, late[1], { state = "failed", error = "late" })
    assert.are.same({ "done", "{}", nil }, { row("r1").state, row("r1").answer, row("r1").error })
    finish(two, again[2], { state = "failed", error = "own" })
    finish(one, late[2])
    assert.are.same({ "done", nil }, { row("r2").state, row("r2").error })
  end)

  it("count an answer once, whose commit may have been done", function()
    local one = open(store)
    local claim = take(one, 1)[1]
    finish(one, claim)
    finish(one, claim)
    assert.are.same({ "done", 0, 10 }, { row("r1").state, row("r1").extra, row("r1").prompt })
  end)

  it("leave failures to those that are at it, and retry them later", function()
    local one, two = open(store), open(other)
    local list = take(one, 6)
    finish(one, list[1], { state = "failed", error = "e" })
    assert(two:resume(false, false))
    assert.are.equal("failed", row("r1").state)
    for index = 2, 6 do finish(one, list[index]) end
    assert(two:resume(false, true))
    assert.are.equal("failed", row("r1").state)
    assert(two:resume(false, false))
    assert.are.equal("r1", ids(take(two, 6)))
  end)

  it("stay within a budget that all share", function()
    assert(store:query("update call set model = 'm', prompt_estimate = 4, completion_estimate = 6"))
    local function price_of() return { input = 1, output = 1 } end
    local function limited(on)
      local claims = open(on)
      claims.budget = budget.new({ tokens = 45 }, { tokens = 0, usd = 0 }, price_of)
      return claims
    end
    local function take_fitting(claims, count)
      local list = assert(claims:turn({}, count, function(l) return claims.budget:fit(l) end))
      for _, claim in ipairs(list) do claims.budget:reserve(claim) end
      return list
    end
    local one, two = limited(store), limited(other)
    local first = take_fitting(one, 2)
    assert.are.equal("r3 r4", ids(take_fitting(two, 6)))
    local none = take_fitting(one, 6)
    assert.are.same({ 0, true, true }, { #none, none.more, none.pending })
    one.budget:settle(first[1], outcome(first[1], { prompt_tokens = 1, completion_tokens = 1 }))
    finish(one, first[1], { prompt_tokens = 1, completion_tokens = 1 })
    assert.are.equal("r5", ids(take_fitting(two, 6)))
    assert.are.equal("", ids(take_fitting(one, 6)))
  end)

  it("fail with the error of the store", function()
    local one = open(store)
    assert(store:query("alter table call rename to gone"))
    local none, err = one:turn({}, 1, all)
    assert.are.same({ "store", "sql" }, { not none and err.kind, err.reason })
    assert(store:query("alter table gone rename to call"))
    assert.is_true(core.now() > 0)
  end)
end)
