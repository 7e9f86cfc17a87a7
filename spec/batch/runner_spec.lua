-- Runs of batches: what stops them, and what is known afterwards.

local child = require("spec.support.child")
local core = require("novita.core")
local native = require("spec.support.native")
local novita = require("novita")
local socket = require("socket")

local batches = require("spec.support.batches")
local talk = require("spec.support.client")

local HELD = 0.3 -- seconds

local always = batches.always

local place

before_each(function() place = batches.place() end)
after_each(function() place:remove() end)

local function state_of(id)
  return place:query("select state from call where id = $1", id)[1][1]
end

describe("a check", function()
  local odd = setmetatable({}, { __tostring = function() error("odd", 0) end })

  it("that raises anything at all stops the batch, which raises it", function()
    for _, case in ipairs {
      { nil, "nil", raised = "check raised nil" }, { false, "false" }, { 7, "7" },
      { odd, "a table" }, { { message = "no number" }, "no number" }, { { a = 1 }, '{"a":1}' },
      { { print }, "a table" },
    } do
      place:numbered(3)
      local batch = place:batch { concurrency = 1, check = function() error(case[1], 0) end }
      local ok, problem = pcall(batch.run, batch)
      assert.is_false(ok)
      if case.raised then case[1] = case.raised end
      assert.is_true(rawequal(problem, case[1]))
      local failed = place:query("select error, length(body) > 0 from call "
        .. "join call_answer using (n) where state = 'failed'")
      assert.are.same({ 1, 1 }, { #failed, failed[1][2] })
      assert.are.equal("check raised: " .. case[2], core.decode(failed[1][1]).message)
      place:remove()
      place = batches.place()
    end
  end)

  it("may give any reason, and any value that is not false or nil for a good answer", function()
    place:numbered(4)
    local reasons = { r1 = { message = "short" }, r2 = odd, r3 = { 1, 2 }, r4 = 7 }
    place:run { check = function(_, id) return false, reasons[id] end }
    local said = {}
    for index, line in ipairs(place:lines()) do said[index] = line.error.message end
    assert.are.same({ "check: short", "check: a table", "check: [1,2]", "check: 7" }, said)
    local values = { r1 = 0, r2 = "", r3 = odd, r4 = true }
    assert.are.equal(4, place:run { check = function(_, id) return values[id] end }.done)
  end)
end)

describe("a batch stops", function()
  it("before its budget of tokens is crossed, and goes on with a larger one", function()
    place:numbered(10)
    local summary = place:run { budget = { tokens = 60 }, concurrency = 1 }
    assert.are.equal("budget", summary.stopped)
    assert.is_false(summary.complete)
    assert.is_true(summary.usage.total_tokens <= 60, summary.usage.total_tokens)
    assert.is_true(summary.done >= 2 and summary.done < 10, summary.done)
    assert.are.equal(summary.done, batches.sent())
    assert.are.equal("not_run", place:texts().r10)
    summary = place:run { budget = { tokens = 60 } }
    assert.are.same({ 0, "budget" }, { summary.sent, summary.stopped })
    assert.is_true(place:run({ budget = { tokens = 1000 } }).complete)
    assert.are.equal(10, batches.sent())
  end)

  it("before its budget is crossed, where answers do not say what they have used", function()
    place:numbered(10)
    always { status = 200, body = '{"choices":[{"message":{"role":"assistant","content":"x"}}]}' }
    local summary = place:run { budget = { tokens = 60 }, concurrency = 1 }
    assert.are.same({ "budget", 2 }, { summary.stopped, summary.done })
    assert.are.equal(0, place:run({ budget = { tokens = 60 } }).sent)
  end)

  it("before its budget is crossed, where answers say half of it, or can't be read", function()
    for _, body in ipairs { '{"choices":[{"message":{"role":"assistant","content":"x"}}],"usage":'
      .. '{"prompt_tokens":2,"completion_tokens":"many"}}', "no JSON" } do
      place:remove()
      place = batches.place()
      place:numbered(10)
      always { status = 200, body = body }
      local fields = { budget = { tokens = 60 }, concurrency = 1, retry = "none" }
      local summary = place:run(fields)
      assert.are.same({ "budget", 2 }, { summary.stopped, summary.sent })
      assert.is_true(summary.usage.total_tokens >= 40, summary.usage.total_tokens)
      fields.keep_failures = true
      assert.are.equal(0, place:run(fields).sent)
    end
  end)

  it("before its budget of money is crossed, with many calls at once", function()
    place:numbered(30)
    local fields = { budget = { usd = 1e-4 }, request = {
      model = "meta-llama/llama-3.1-8b-instruct", message = "{{row.text}}", max_tokens = 20,
    } }
    local summary = place:run(fields)
    assert.are.equal("budget", summary.stopped)
    assert.is_true(summary.usd <= 1e-4 and summary.done > 0)
    fields.request.model = "simulator/none"
    local none, err = place:batch(fields):run()
    assert.is_nil(none)
    assert.are.equal('budget.usd: the server names no price for "simulator/none"', err.message)
  end)

  it("at a key that is wrong, without a failed row", function()
    place:numbered(5)
    always { status = 401 }
    local summary = place:run { concurrency = 2 }
    assert.are.same({ "authentication", "authentication", 0, 5 },
      { summary.stopped, summary.err.kind, summary.failed, summary.waiting })
    assert.is_true(batches.sent() <= 3)
    always()
    assert.are.equal(5, place:run().done)
  end)

  it("at an empty account, or at kinds of one's own", function()
    place:numbered(5)
    always { status = 403, body = '{"code":403,"reason":"NOT_ENOUGH_BALANCE",'
      .. '"message":"not enough balance"}' }
    assert.are.equal("balance", place:run({ concurrency = 1 }).stopped)
    always { status = 404 }
    assert.are.equal("not_found", place:run({ abort_on = { "not_found" } }).stopped)
    assert.are.equal(5, place:run({ abort_on = {} }).failed)
    local summary = place:run { api_key = function() return nil, "no key" end }
    assert.are.same({ "config", "config", 0 }, { summary.stopped, summary.err.kind,
      summary.failed })
  end)

  it("when too many calls have failed: a count, or a share", function()
    place:numbered(20)
    always { status = 400 }
    local summary = place:run { max_failures = 3, concurrency = 1 }
    assert.are.same({ "failures", 4 }, { summary.stopped, summary.failed })
    summary = place:run { max_failures = 0.1, concurrency = 1 }
    assert.are.same({ "failures", 3 }, { summary.stopped, summary.failed })
    assert.are.equal("failures", place:run({ max_failures = 0, concurrency = 1 }).stopped)
    assert.is_nil(place:run({ max_failures = 20 }).stopped)
  end)

  it("when the task that runs it is cancelled, and knows what is in doubt", function()
    place:numbered(6)
    always { delay = HELD }
    local batch = place:batch { concurrency = 2 }
    local task = novita.spawn(function() return batch:run() end)
    local canceller = novita.spawn(function()
      require("novita.loop").here().sleep(HELD / 3)
      task:cancel()
    end)
    local ok, summary = task:join()
    canceller:join()
    assert.is_true(ok, tostring(summary))
    assert.are.same({ "interrupted", 0, 4 }, { summary.stopped, summary.done, summary.waiting })
    assert.are.same({ "r1", "r2" }, summary.in_doubt)
    always()
    summary = place:run()
    assert.is_true(summary.complete)
    assert.are.same({ "r1", "r2" }, summary.paid_twice)
    assert.are.same({}, summary.in_doubt)
  end)

  it("when a function of the user's raises, with all answers saved", function()
    place:numbered(6)
    local batch = place:batch { concurrency = 1, on_progress = function(status)
      if status.done >= 2 then error("oh no", 0) end
    end }
    assert.has_error(function() batch:run() end, "oh no")
    assert.are.equal("done", state_of("r2"))
    place:rows { { id = "r7", text = "text 7" }, { id = "r8", text = "text 8" } }
    batch = place:batch { concurrency = 1, check = function() error("bad check", 0) end }
    assert.has_error(function() batch:run() end, "bad check")
    local bad = place:query("select count(*) from call where state = 'failed'")[1][1]
    assert.are.equal(1, bad)
    batch = place:batch { concurrency = 1, log = function() error("bad log", 0) end }
    assert.has_error(function() batch:run() end, "bad log")
    assert.are.equal(2, place:run().done)
  end)
end)

describe("a call that times out", function()
  local quick = { first_byte_timeout = 0.2, retry = { attempts = 2, initial_delay = 0.001 } }

  it("and is sent again may have been paid twice, which its row is named for", function()
    place:numbered(3)
    batches.sim:script {
      { match = "text 1", uses = 1, delay = 3 }, { match = "text 2", uses = 1, status = 503 },
    }
    local summary = place:run(quick)
    assert.are.same({ 3, { "r1" }, {} }, { summary.done, summary.paid_twice, summary.in_doubt })
    local rows = place:query("select attempts, sends, doubts from call order by n")
    assert.are.same({ { 2, 2, 1 }, { 2, 1, 0 }, { 1, 1, 0 } },
      { { rows[1][1], rows[1][2], rows[1][3] }, { rows[2][1], rows[2][2], rows[2][3] },
        { rows[3][1], rows[3][2], rows[3][3] } })
    assert.are.same({ "r1" }, place:run(quick).paid_twice)
  end)

  it("each time is named once it was sent again, also by the next run", function()
    place:numbered(2)
    batches.sim:script { { match = "text 1", uses = 1, delay = 3 } }
    local once = { first_byte_timeout = 0.2, retry = "none" }
    local summary = place:run(once)
    assert.are.same({ 1, 1, {} }, { summary.done, summary.failed, summary.paid_twice })
    assert.are.same({ "r1" }, place:run(once).paid_twice)
  end)

  it("before it was sent is no such call", function()
    place:numbered(1)
    local summary = place:run { base_url = "http://127.0.0.1:1", retry = quick.retry }
    assert.are.same({ 1, {} }, { summary.failed, summary.paid_twice })
  end)
end)

describe("a batch that was killed", function()
  -- What is known of a run that a signal has ended while two calls were under way.
  local function killed()
    place:numbered(6)
    for number = 3, 6 do batches.sim:script { { match = "text " .. number, delay = 5 } } end
    local process = child.start(([[
      local novita = require("novita")
      local batch = assert(novita.batch { input = %q, output = %q, concurrency = 2,
        base_url = %q, api_key = "sk_x",
        request = { model = "simulator/echo", message = "{{row.text}}", max_tokens = 20 } })
      batch:run()]]):format(place.input, place.output, talk.sim.url))
    assert.is_truthy(batches.sim:wait_for(function()
      return batches.sent() == 4
    end))
    native.kill(process.pid, "KILL")
    process:finish()
    batches.sim:reset()
  end

  it("goes on, and names what may have been paid twice", function()
    killed()
    local batch = place:batch()
    assert.are.same({ 2, 4 }, { batch:status().done, batch:status().total - batch:status().done })
    assert.are.equal(2, #batch:status().in_doubt)
    local doubts = batch:status().in_doubt
    local summary = assert(batch:run())
    assert.are.same(doubts, summary.paid_twice)
    assert.are.same({ true, 4, 6 }, { summary.complete, summary.sent, summary.done })
    assert.are.equal("text 3", place:texts().r3)
  end)

  it("leaves what is in doubt where that is to be held", function()
    killed()
    local plan = assert(place:batch({ in_doubt = "hold" }):plan())
    assert.are.same({ 2, 2 }, { plan.in_doubt, plan.to_send })
    local summary = place:run { in_doubt = "hold" }
    assert.are.same({ false, 2, 4 }, { summary.complete, summary.sent, summary.done })
    assert.are.equal(2, #summary.in_doubt)
    assert.are.equal("in_doubt", place:texts()[summary.in_doubt[1]])
    assert.are.equal(2, place:run().sent)
  end)
end)

describe("a store that can't be written", function()
  -- A batch whose store refuses transactions while `state.full` is true.
  local function refusing(fields)
    local state = { full = false }
    local batch = place:batch(fields)
    local store = batch.store
    batch.claims.store = setmetatable({
      transaction = function(_, fn)
        if state.full then
          return nil, core.error { kind = "store", reason = "full", message = "disk is full" }
        end
        return store:transaction(fn)
      end,
    }, { __index = function(_, name)
      return function(_, ...) return store[name](store, ...) end
    end })
    return batch, state
  end

  it("stops the batch, and keeps the answers for the next run", function()
    place:numbered(8)
    local batch, state
    batch, state = refusing { concurrency = 2, check = function()
      state.full = not state.emptied
      return true
    end, store_timeout = 0.05 }
    local summary, err = batch:run()
    assert.is_nil(summary)
    assert.are.same({ "store", "full" }, { err.kind, err.reason })
    assert.is_truthy(err.message:find("^disk is full %(2 answers are not saved yet"), err.message)
    local sent = batches.sent()
    assert.are.equal(2, sent)
    state.emptied, state.full = true, false
    summary = assert(batch:run())
    assert.are.same({ true, 8, {} }, { summary.complete, summary.done, summary.paid_twice })
    assert.are.equal(8, batches.sent())
  end)

  it("is an error of the run also if something else has stopped it", function()
    place:numbered(4)
    local batch, state
    batch, state = refusing { concurrency = 1, max_failures = 0, store_timeout = 0.05,
      check = function()
        state.full = not state.emptied
        return state.emptied
      end }
    local summary, err = batch:run()
    assert.is_nil(summary)
    assert.is_truthy(err.message:find("^disk is full %(1 answers are not saved yet"), err.message)
    state.emptied, state.full = true, false
    summary = assert(batch:run())
    assert.are.same({ 4, {} }, { summary.done, summary.paid_twice })
    assert.are.equal(5, batches.sent())
  end)

  it("is tried again, and then has the answers", function()
    place:numbered(8)
    local batch, state
    batch, state = refusing { concurrency = 2, check = function()
      if state.full == false then
        state.full = true
        novita.spawn(function()
          require("novita.loop").here().sleep(0.1)
          state.full = nil
        end)
      end
      return true
    end }
    local summary, err = batch:run()
    assert.is_nil(summary)
    assert.are.equal("disk is full", err.message)
    local done = place:query("select count(*) from call where state = 'done'")[1][1]
    assert.are.equal(batches.sent(), done)
    assert.is_true(place:run().complete)
    assert.are.equal(8, batches.sent())
  end)
end)

describe("a store without prompts", function()
  it("has none of them in its file, and sends them all the same", function()
    place:rows { { id = "a", text = "hidden words" }, { id = "b", text = "others" } }
    always { body = talk.completion('"Yes"') }
    local summary = place:run { store = { place.db, prompts = false } }
    assert.are.equal(2, summary.done)
    assert.is_truthy(batches.sim:journal()[2].body:find("hidden words", 1, true))
    for _, name in ipairs { place.db, place.db .. "-wal", place.output } do
      local file = io.open(name, "rb")
      if file then
        assert.is_nil(file:read("*a"):find("hidden", 1, true))
        file:close()
      end
    end
  end)

  it("does not send a row that is another meanwhile", function()
    place:numbered(2)
    local batch = place:batch { store = { place.db, prompts = false }, concurrency = 1,
      check = function()
        place:rows { { id = "r1", text = "text 1" }, { id = "r2", text = "text X" } }
        return true
      end }
    local summary = assert(batch:run())
    assert.are.same({ 1, 1 }, { summary.done, summary.failed })
    assert.is_truthy(place:lines()[2].error.message:find("row 2 has changed since it was read"))
    assert.are.equal(1, batches.sent())
  end)

  it("stops the batch where its file is renamed between a claim and its call", function()
    place:numbered(4)
    local moved
    local client = talk.client { api_key = function()
      if not moved and place:query("select max(sends) from call")[1][1] == 1 then
        moved = os.rename(place.db, place.db .. ".elsewhere")
      end
      return "sk_spec"
    end }
    local batch = place:batch({ store = { place.db, prompts = false }, concurrency = 2 }, client)
    local none, err = batch:run()
    assert.are.same({ "store", "moved" }, { none == nil and err.kind, err.reason })
    assert.are.equal(2, batches.sent())
  end)
end)

describe("Ctrl-C", function()
  -- Runs a batch in a process, sends it so many signals, and returns what it prints.
  local function interrupted(count, delay, signal)
    place:numbered(6)
    always { delay = delay }
    local process = child.start(([[
      require("spec.support.native").default("HUP") -- which nohup ignores
      local novita = require("novita")
      local batch = assert(novita.batch { input = %q, output = %q, concurrency = 2,
        base_url = %q, api_key = "sk_x",
        request = { model = "simulator/echo", message = "{{row.text}}", max_tokens = 20 } })
      local summary = assert(batch:run())
      print(summary.stopped, summary.done, summary.waiting, #summary.in_doubt)
    ]]):format(place.input, place.output, talk.sim.url))
    assert.is_truthy(batches.sim:wait_for(function() return batches.sent() == 2 end))
    for _ = 1, count do
      native.kill(process.pid, signal or "INT")
      socket.sleep(0.05) -- two at once are one
    end
    return (process:finish():gsub("%s+", " "))
  end

  it("lets calls under way end and takes no more", function()
    assert.are.equal("interrupted 2 4 0 ", interrupted(1, HELD))
    assert.are.equal("not_run", place:texts().r6)
  end)

  it("lets them end too where the terminal closes, which sends several signals", function()
    assert.are.equal("interrupted 2 4 0 ", interrupted(2, HELD, "HUP"))
  end)

  it("breaks them off the second time", function()
    local started = core.now()
    local line = interrupted(2, 20)
    assert.is_true(core.now() - started < 10)
    assert.are.equal("interrupted 0 4 2 ", line)
  end)
end)
