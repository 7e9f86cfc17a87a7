-- Rows at the server's Batch API: sent in files, looked after, brought back into the store.

local novita = require("novita")

local batches = require("spec.support.batches")

local OTHER = "meta-llama/llama-3.1-8b-instruct"

local fetch, posts, uploaded = batches.fetch, batches.posts, batches.uploaded

local place

describe("a batch at the server", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("is sent as a file, and its results come into the store and the output", function()
    place:numbered(3)
    local batch = place:batch()
    local sent = assert(batch:submit())
    assert.are.same({ 1, 3, 0, 0 }, { #sent.parts, sent.rows, sent.resumed, sent.left })
    local file = posts("/files")[1]
    assert.are.same({ method = "POST", url = "/v1/chat/completions", custom_id = "r2",
      body = { model = "simulator/echo", max_tokens = 20,
        messages = { { role = "user", content = "text 2" } } } }, uploaded(file).r2)
    assert.is_truthy(file.body:find('filename="in.jsonl.%x+.jsonl"'), file.body)
    assert.are.same({ input_file_id = sent.parts[1].file, endpoint = "/v1/chat/completions",
      completion_window = "48h" }, novita.json.decode(posts("/batches")[1].body))

    local status = assert(batch:status())
    assert.are.same({ 3, 0, 0, 3, {} }, { status.total, status.done, status.waiting,
      status.remote, status.in_doubt })
    assert.are.same({ "progress", "created", 3, "simulator/echo" }, { status.parts[1].status,
      status.parts[1].state, status.parts[1].rows, status.parts[1].model })

    local fetched = fetch(batch)
    assert.are.same({ 0, 3, 3, {}, {}, 0 }, { fetched.open, fetched.rows, fetched.lines,
      fetched.missing, fetched.unknown, fetched.unreadable })
    assert.are.same({ r1 = "text 1", r2 = "text 2", r3 = "text 3" }, place:texts())
    assert.are.equal("r1", place:lines()[1].custom_id)
    status = assert(batch:status())
    assert.are.same({ 3, 0, "ended", "completed", 3 }, { status.done, status.remote,
      status.parts[1].state, status.parts[1].status, status.parts[1].completed })
    assert.are.equal(0, place:run().sent)
    assert.are.equal(0, assert(batch:submit()).rows)
    assert.are.same({ "out.db", "out.db.lock", "out.jsonl" }, place:others())
  end)

  it("costs what the server counts", function()
    place:numbered(4)
    local batch = place:batch { request = { model = OTHER, message = "{{row.text}} {{row.text}}" } }
    assert(batch:submit())
    fetch(batch)
    local status, counted = assert(batch:status()), batches.sim:stats()
    assert.are.same({ counted.prompt_tokens, counted.completion_tokens },
      { status.usage.prompt_tokens, status.usage.completion_tokens })
    local price = 0.39 / 1e6
    assert.is_true(math.abs(status.usd - price * status.usage.total_tokens) < 1e-12)
  end)

  it("leaves rows that the server refuses to the next run", function()
    place:rows { { id = "a", text = "one", model = "simulator/echo" },
      { id = "b", text = "two", model = "no/such" } }
    local batch = place:batch { request = { model = "{{row.model}}", message = "{{row.text}}" } }
    assert(batch:submit())
    local fetched = fetch(batch)
    assert.are.same({ 2, 2 }, { fetched.rows, #fetched.parts })
    local status = assert(batch:status())
    assert.are.same({ 1, 1 }, { status.done, status.failed })
    local line = place:lines()[2]
    assert.are.same({ 404, "not_found" }, { line.response.status_code, line.error.kind })
    place:rows { { id = "a", text = "one", model = "simulator/echo" },
      { id = "b", text = "two", model = "simulator/echo" } }
    local summary = place:run { request = { model = "{{row.model}}", message = "{{row.text}}" } }
    assert.are.same({ 1, 2, true }, { summary.sent, summary.done, summary.complete })
  end)

  it("marks the rows that are there in the output of a run, which leaves them alone", function()
    place:numbered(2)
    assert(place:batch():submit())
    place:numbered(3)
    local summary = place:run()
    assert.are.same({ 1, 1, 2, false }, { summary.sent, summary.done, summary.remote,
      summary.complete })
    assert.are.same({ r1 = "submitted", r2 = "submitted", r3 = "text 3" }, place:texts())
    assert.are.same({}, summary.paid_twice)
    fetch(place:batch())
    assert.are.same({ r1 = "text 1", r2 = "text 2", r3 = "text 3" }, place:texts())
  end)
end)

-- Prompts and keys -------------------------------------------------------------------------------

describe("a store without prompts", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("has its rows made again for the server", function()
    place:numbered(3)
    local batch = place:batch { store = { place.db, prompts = false } }
    assert(batch:submit())
    assert.are.equal("text 2", uploaded(posts("/files")[1]).r2.body.messages[1].content)
    assert.are.equal(3, fetch(batch).rows)
    assert.are.equal("text 3", place:texts().r3)
  end)
end)
