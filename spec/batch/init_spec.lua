-- Batches: what a run does, what a plan says, what a second run has left to do.

local novita = require("novita")

local batches = require("spec.support.batches")

local place

describe("a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("makes a call for each row and writes the answers in their order", function()
    place:numbered(20)
    batches.sim:script { { delay = 0.02 } } -- the first answer comes last
    local summary = place:run()
    assert.is_true(summary.complete)
    assert.are.same({ 20, 20, 0, 0, 20, 0 }, { summary.total, summary.done, summary.failed,
      summary.waiting, summary.sent, summary.reused })
    assert.is_nil(summary.stopped)
    local lines = place:lines()
    assert.are.equal(20, #lines)
    for number, line in ipairs(lines) do
      assert.are.equal("r" .. number, line.custom_id)
      assert.are.equal("text " .. number, line.response.body.choices[1].message.content)
      assert.are.equal(200, line.response.status_code)
      assert.is_nil(line.error)
    end
  end)

  it("costs nothing the second time", function()
    place:numbered(5)
    place:run()
    os.remove(place.output)
    local summary = place:run()
    assert.are.same({ true, 5, 0, 5 },
      { summary.complete, summary.done, summary.sent, summary.reused })
    assert.are.equal(5, batches.sent())
    assert.are.equal(5, #place:lines())
  end)

  it("runs again what an edit has changed, and goes back for nothing", function()
    place:numbered(4)
    place:run()
    local edited = {
      model = "simulator/echo", message = "New {{row.text}}", max_tokens = 20,
    }
    assert.are.equal(4, place:run({ request = edited }).sent)
    assert.are.equal("New text 2", place:texts().r2)
    assert.are.equal(0, place:run().sent)
    assert.are.equal("text 2", place:texts().r2)
    place:rows { { id = "r1", text = "text 1" }, { id = "r2", text = "other" },
      { id = "r5", text = "new" } }
    assert.are.equal(2, place:run().sent)
    assert.are.same({ r1 = "text 1", r2 = "other", r5 = "new" }, place:texts())
  end)

  it("tells what a run would do, and sends nothing", function()
    place:rows {
      { id = "a", text = "one" }, { id = "b", text = "one" }, { id = "c", text = "two" },
      "no JSON", { id = "d" },
    }
    local plan = assert(place:batch { request = {
      model = "meta-llama/llama-3.1-8b-instruct", message = "{{row.text}}", max_tokens = 100,
    } }:plan())
    assert.are.same({ 5, 2, 2, 0, 3, 0 }, { plan.rows, plan.unique, plan.problems, plan.paid,
      plan.to_send, plan.in_doubt })
    assert.are.equal(300, plan.completion_tokens)
    assert.is_true(plan.prompt_tokens > 6 and plan.prompt_tokens < 60, plan.prompt_tokens)
    local price = 0.39 / 1e6
    assert.is_true(math.abs(plan.usd - price * (300 + plan.prompt_tokens)) < 1e-12)
    assert.is_truthy(plan.problem_list[1]:find("^line 4 is not JSON"), plan.problem_list[1])
    assert.is_truthy(plan.problem_list[2]:find("^line 5 .*row.text"), plan.problem_list[2])
    assert.are.equal(0, batches.sent())
  end)

  it("goes on with the other rows where one can't be sent", function()
    place:rows { { id = "a", text = "one" }, "{", { id = "c", text = "three" } }
    local summary = place:run()
    assert.are.same({ true, 2, 1 }, { summary.complete, summary.done, summary.failed })
    assert.is_truthy(summary.problems[1]:find("^line 2 is not JSON"))
    local texts = place:texts()
    assert.are.same({ a = "one", ["row-2"] = "invalid_row", c = "three" }, texts)
  end)

  it("refuses rows of the same id, and lists them", function()
    place:rows { { id = 1, text = "a" }, { id = 2, text = "b" }, { id = "1", text = "c" },
      { id = 2, text = "d" } }
    local summary, err = place:batch():run()
    assert.is_nil(summary)
    assert.are.equal("config", err.kind)
    assert.are.equal('input: rows have the same id: "1" (lines 1 and 3), "2" (lines 2 and 4)',
      err.message)
    assert.are.equal(0, batches.sent())
  end)

  it("keeps ids that look like its own, and refuses those that no database has", function()
    place:rows { { id = "#1", text = "a" }, "no JSON", { id = "#2", text = "b" },
      { id = "c\0d", text = "c" }, { id = "d", text = "d", body = { model = "e\0f" } } }
    local summary = place:run()
    assert.are.same({ ["#1"] = "a", ["row-2"] = "invalid_row", ["#2"] = "b",
      ["row-4"] = "invalid_row", d = "invalid_row" }, place:texts())
    assert.are.same({ 'line 4 has an id that can\'t be used: in "id", "c?d" is not an id',
      "line 5 has a zero byte in its model" }, { summary.problems[2], summary.problems[3] })
  end)

  it("tells equal rows without an id apart", function()
    place:rows { { text = "a" }, { text = "b" }, { text = "a" }, { text = "a" } }
    assert.are.equal(4, place:run().sent)
    assert.are.same({ ["row-1"] = "a", ["row-2"] = "b", ["row-3"] = "a", ["row-4"] = "a" },
      place:texts())
    place:rows { { text = "new" }, { text = "a" }, { text = "b" }, { text = "a" }, { text = "a" },
      { text = "a" } }
    assert.are.equal(2, place:run().sent)
    assert.are.equal("b", place:texts()["row-3"])
  end)

  it("sends a request that has failed again, unless it is to be kept", function()
    place:numbered(3)
    batches.sim:script { { match = "text 2", status = 400 } }
    local summary = place:run()
    assert.are.same({ true, 2, 1 }, { summary.complete, summary.done, summary.failed })
    assert.is_truthy(summary.failures[1]:find("^line %d: %l[%l_]+ %d+: ."), summary.failures[1])
    assert.are.equal("bad_request", place:lines()[2].error.kind)
    assert.are.equal(400, place:lines()[2].response.status_code)
    assert.are.equal(0, place:run({ keep_failures = true }).sent)
    summary = place:run()
    assert.are.same({ 1, 3, 0 }, { summary.sent, summary.done, summary.failed })
  end)

  it("takes requests from the lines of a batch, over its own", function()
    place:rows {
      { custom_id = "x", url = "/v1/chat/completions", method = "POST",
        body = { model = "simulator/echo", messages = { { role = "user", content = "{{x}}" } } } },
      { custom_id = "y", body = { messages = { { role = "user", content = "B" } } } },
      { custom_id = "z", url = "/v1/embeddings", body = { model = "m", input = "B" } },
    }
    place:run { request = { model = "simulator/echo", max_tokens = 7 } }
    local texts = place:texts()
    assert.are.same({ x = "{{x}}", y = "B", z = "invalid_row" }, texts)
  end)

  it("calls other endpoints", function()
    place:numbered(3)
    local summary = place:run {
      endpoint = "/embeddings", request = { model = "baai/bge-m3", input = "{{row.text}}" },
    }
    assert.are.equal(3, summary.done)
    local line = place:lines()[3]
    assert.are.equal("embedding", line.response.body.data[1].object)
    assert.are.equal("/openai/v1/embeddings", batches.sim:journal()[2].path)
  end)

  it("keeps several batches in one store", function()
    place:numbered(2)
    place:run()
    local other = place:batch { name = "other", store = place.db,
      request = { model = "simulator/echo", message = "Other {{row.text}}" } }
    assert.are.equal(2, assert(other:run()).sent)
    assert.are.equal("Other text 1", place:texts().r1)
    assert.are.equal(2, place:batch({ store = place.db }):export())
    assert.are.equal("text 1", place:texts().r1)
    assert.are.equal("in.jsonl", place:batch({ store = place.db }).name)
  end)

  it("is run by one at a time", function()
    place:numbered(2)
    local batch = place:batch()
    local held = assert(place:batch().store:lock("batch in.jsonl"))
    local summary, err = batch:run()
    assert.is_nil(summary)
    assert.are.equal("locked", err.reason)
    assert.is_truthy(batch:status().running)
    held:release()
    assert.are.equal(2, batch:run().done)
  end)

  it("has variables beside the row", function()
    place:numbered(1)
    place:run { vars = { who = "Ann" },
      request = { model = "simulator/echo", message = "{{who}} {{index}} {{row.id}}" } }
    assert.are.equal("Ann 1 r1", place:texts().r1)
  end)

  it("is there without a client", function()
    place:numbered(1)
    local batch = assert(novita.batch {
      input = place.input, output = place.output, base_url = batches.sim.url, api_key = "sk_x",
      request = { model = "simulator/echo", message = "{{row.text}}" },
    })
    assert.are.equal("in.jsonl", batch.name)
    batch.store:close()
  end)

  it("does not replace its rows or its answers", function()
    place:numbered(2)
    os.execute(("ln -s in.jsonl '%s/link'"):format(place.dir))
    for output, what in pairs {
      [place.input] = "the input", [place.dir .. "/link"] = "the input",
      [place.dir .. "/labels.db"] = "the file of the store", -- as it is by default
    } do
      local none, err = place:try { output = output }
      assert.is_nil(none)
      assert.are.same({ "config", ('output: "%s": is %s, which it would replace')
        :format(output, what) }, { err.kind, err.message })
    end
    assert.are.equal(2, place:run({ store = ":memory:" }).done)
  end)

  it("names what is missing", function()
    local function problem(fields)
      local batch, err = place:try(fields)
      local result
      if batch then result, err = batch:run() end
      assert.is_nil(result)
      assert.are.equal("config", err.kind)
      return err.message
    end
    assert.are.equal("input: is missing", problem { input = false })
    assert.is_truthy(problem({ input = place.dir .. "/none" }):find("No such file"))
    place:numbered(1)
    assert.is_truthy(problem({ output = "/nowhere/out.jsonl", store = place.db })
      :find('^output: "/nowhere/out.jsonl"'))
    assert.are.equal("name: is missing, and there is no input",
      problem { input = false, output = false })
  end)
end)
