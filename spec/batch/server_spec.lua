-- Rows at the server's Batch API: sent in files, looked after, brought back into the store.
-- Covers: lua/novita/batch/submit.lua lua/novita/batch/fetch.lua lua/novita/batch/parts.lua
-- Covers: lua/novita/batch/remote.lua

local novita = require("novita")

local batches = require("spec.support.batches")
local child = require("spec.support.child")
local native = require("spec.support.native")
local talk = require("spec.support.client")

local OTHER = "meta-llama/llama-3.1-8b-instruct"

local place

-- Asks until all parts have ended.
local function fetch(batch)
  return assert(batch:fetch { wait = true, interval = 0 })
end

local function posts(path)
  local list = {}
  for _, entry in ipairs(batches.sim:journal()) do
    if entry.method == "POST" and entry.path:find(path, 1, true) then list[#list + 1] = entry end
  end
  return list
end

-- The requests of an uploaded file, by their ids.
local function uploaded(entry)
  local found = {}
  for line in entry.body:gmatch("{\"custom_id\"[^\n]+") do
    local request = assert(novita.json.decode(line))
    found[request.custom_id] = request
  end
  return found
end

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

  it("is in files of one model each, with as many rows and bytes as they may have", function()
    local rows = {}
    for number = 1, 7 do
      rows[number] = { id = "r" .. number, text = "x",
        model = number % 3 == 0 and OTHER or "simulator/echo" }
    end
    rows[8] = { id = "long", text = ("x "):rep(500), model = OTHER }
    place:rows(rows)
    local batch = place:batch { request = { model = "{{row.model}}", message = "{{row.text}}" } }
    local sent = assert(batch:submit { max_rows = 2, max_bytes = 900 })
    assert.are.same({ 4, 7, 1 }, { #sent.parts, sent.rows, sent.left })
    local found = {}
    for index, part in ipairs(sent.parts) do found[index] = { part.rows, part.model } end
    table.sort(found, function(a, b) return a[2] .. a[1] < b[2] .. b[1] end)
    assert.are.same({ { 2, OTHER }, { 1, "simulator/echo" }, { 2, "simulator/echo" },
      { 2, "simulator/echo" } }, found)
    assert.are.equal(4, #posts("/batches"))
    local fetched = fetch(batch)
    assert.are.equal(7, fetched.rows)
    assert.are.equal("not_run", place:texts().long)
    assert.are.equal(1, assert(batch:submit()).rows)
    local line = #'{"custom_id":"long","method":"POST","url":"/v1/chat/completions","body":}\n'
      + #uploaded(posts("/files")[5]).long.body.messages[1].content
    assert.is_true(line > 900)
  end)

  it("takes no more rows than the budget allows, which counts those at the server", function()
    place:numbered(10)
    local fields = { request = { model = OTHER, message = "{{row.text}}", max_tokens = 100 },
      budget = { tokens = 560 } }
    local batch = place:batch(fields)
    local sent = assert(batch:submit { max_rows = 3 })
    assert.are.same({ 5, 5, "budget", 2 }, { sent.rows, sent.left, sent.stopped, #sent.parts })
    assert.are.equal(0, assert(batch:submit()).rows)
    local summary = place:run(fields)
    assert.are.same({ 0, "budget" }, { summary.sent, summary.stopped })
    assert.are.equal(5, fetch(batch).rows)
    sent = assert(batch:submit())
    assert.are.same({ 4, 1, "budget" }, { sent.rows, sent.left, sent.stopped })
    fields.budget = { usd = 1, tokens = 1000000 }
    fields.request.model = "no/such"
    assert.are.equal("budget.usd", select(2, place:batch(fields):submit()).param)
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

-- What a crash leaves ----------------------------------------------------------------------------

-- Submits in another process, which is killed once the simulator has seen a request.
local function submit_and_kill(step, path)
  local before = #batches.sim:journal()
  batches.sim:script { step }
  local process = child.start(([[
    local client = require("novita").new { base_url = %q, api_key = "sk_x", retry = "none" }
    client:batch({ input = %q, output = %q,
      request = { model = "simulator/echo", message = "{{row.text}}" } }):submit()
  ]]):format(batches.sim.url, place.input, place.output))
  assert(batches.sim:wait_for(function(entries)
    for index = before + 1, #entries do
      if entries[index].path:find(path, 1, true) and entries[index].body then return true end
    end
  end))
  native.kill(process.pid, "KILL")
  process:finish()
end

local function request_of_child()
  return { request = { model = "simulator/echo", message = "{{row.text}}" } }
end

describe("a submission that ends early", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("while its file goes up is made again, without the first file", function()
    place:numbered(2)
    submit_and_kill({ match = "/files", delay = 5 }, "/files")
    local batch = place:batch(request_of_child())
    assert.are.equal("claimed", assert(batch:status()).parts[1].state)
    local sent = assert(batch:submit())
    assert.are.same({ 1, 2, 0 }, { #sent.parts, sent.rows, sent.resumed })
    assert.are.equal(1, #posts("/batches"))
    assert.are.equal(1, #assert(talk.client().files:list()).data)
    assert.are.equal(2, fetch(batch).rows)
    local status = assert(batch:status())
    assert.are.same({ 2, {}, "dropped", "completed" },
      { status.done, status.paid_twice, status.parts[1].status, status.parts[2].status })
  end)

  it("while its batch is created finds that batch", function()
    place:numbered(2)
    for _ = 1, 3 do -- of others
      assert(talk.client().batches:create {
        input_file_id = assert(talk.client().files:upload { bytes = "{}" }).id })
    end
    submit_and_kill({ match = "input_file_id", delay = 5 }, "/batches")
    local batch = place:batch(request_of_child())
    assert.are.equal("creating", assert(batch:status()).parts[1].state)
    local created = #posts("/batches")
    local sent = assert(batch:submit())
    assert.are.same({ 1, 0, 1 }, { #sent.parts, sent.rows, sent.resumed })
    assert.are.equal(created, #posts("/batches"))
    assert.are.equal(2, fetch(batch).rows)
    assert.are.same({}, assert(batch:status()).paid_twice)
  end)

  it("as the answer is lost finds its batch at once, or the next time", function()
    place:numbered(2)
    local batch = place:batch {
      retry = { attempts = 2, initial_delay = 0, when = function() return true end },
    }
    batches.sim:script { { match = "input_file_id", cut = 0, ending = "reset" } }
    assert.are.equal(1, #assert(batch:submit()).parts)
    assert.are.equal(1, #posts("/batches"))
    place:numbered(3)
    batches.sim:script { { match = "input_file_id", cut = 0, ending = "reset" },
      { match = "/batches?", status = 503, uses = 2 } }
    local sent, err = batch:submit()
    assert.is_nil(sent)
    assert.is_truthy(err.message:find("may exist all the same", 1, true), err.message)
    assert.are.equal(3, assert(batch:status()).remote)
    assert.are.equal(0, place:run().sent)
    assert.are.equal(1, assert(batch:submit()).resumed)
    assert.are.equal(2, #posts("/batches"))
    assert.are.equal(3, fetch(batch).rows)
  end)

  it("as the server refuses leaves its rows", function()
    place:numbered(2)
    local batch = place:batch()
    batches.sim:script { { match = "input_file_id", status = 400, message = "no such window" } }
    local sent, err = batch:submit { window = "1h" }
    assert.are.same({ nil, "bad_request" }, { sent, err.kind })
    batches.sim:script { { match = "/files", status = 413 } }
    assert.are.equal("request_too_large", select(2, batch:submit()).kind)
    local status = assert(batch:status())
    assert.are.same({ 2, 0, {}, "refused" },
      { status.waiting, status.remote, status.paid_twice, status.parts[1].status })
    assert.is_truthy(status.parts[1].problem:find("no such window", 1, true))
    assert.are.equal(2, place:run().sent)
  end)

  it("as its file can't be written sends nothing", function()
    place:numbered(2)
    local batch = place:batch { output = place.dir .. "/none/out.jsonl", store = place.db }
    assert.are.equal("config", select(2, batch:submit()).kind)
    assert.are.equal(0, #batches.sim:journal())
    assert.has_error(function() batch:submit { max_row = 2 } end)
    assert.has_error(function() batch:fetch { interval = -1 } end)
  end)
end)

-- What the server says ---------------------------------------------------------------------------

-- Sends rows r1 ... and has the server say how their batch stands, with files of these lines.
local function submitted(count, says)
  place:numbered(count)
  local batch = place:batch(says.fields)
  local part = assert(batch:submit()).parts[1]
  local told = { id = part.id, object = "batch", status = says.status, errors = says.errors or "",
    output_file_id = "", error_file_id = "" }
  for _, name in ipairs { "output_file_id", "error_file_id" } do
    if says[name] then
      told[name] = assert(talk.client().files:upload { bytes = says[name] }).id
    end
  end
  batches.sim:script { { match = "/batches/" .. part.id, uses = 9,
    body = novita.json.encode(told) } }
  return batch
end

local function success(id, text)
  return ('{"custom_id":"%s","error":null,"id":"x","response":{"body":{ "z":1.50, "choices":[{'
    .. '"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{'
    .. '"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}},"request_id":"q","status_code":'
    .. '200}}'):format(id, text)
end

describe("what the server says of a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("is kept byte by byte, whatever the order of its lines", function()
    local batch = submitted(2, { status = "COMPLETED",
      output_file_id = success("r2", "two") .. "\r\n\n" .. success("r1", "one") })
    assert.are.equal(2, fetch(batch).rows)
    local file = assert(io.open(place.output))
    local text = file:read("*a")
    file:close()
    assert.is_truthy(text:find('"status_code":200,"request_id":"q","body":{ "z":1.50, "choices"',
      1, true), text)
    assert.are.same({ r1 = "one", r2 = "two" }, place:texts())
    assert.are.equal(14, assert(batch:status()).usage.total_tokens)
  end)

  it("may be that it expired: what is complete counts, and the rest waits again", function()
    local batch = submitted(3, { status = "EXPIRED", output_file_id = success("r2", "two") })
    local fetched = fetch(batch)
    assert.are.same({ 1, {}, "expired" },
      { fetched.rows, fetched.missing, fetched.parts[1].status })
    local status = assert(batch:status())
    assert.are.same({ 1, 2, 0, {} },
      { status.done, status.waiting, status.remote, status.paid_twice })
    assert.are.equal(2, place:run().sent)
  end)

  it("may be that the file is bad: its rows wait again, and the part says why", function()
    for _, errors in ipairs { "line 1: no model", { message = "line 1: no model" },
      { object = "list", data = { { code = "x", message = "line 1: no model" } } } } do
      local batch = submitted(2, { status = "FAILED", errors = errors })
      local fetched = fetch(batch)
      local part = fetched.parts[#fetched.parts]
      assert.are.same({ 0, "failed", "line 1: no model" },
        { fetched.rows, part.status, part.problem })
      assert.are.equal(2, assert(batch:status()).waiting)
    end
  end)

  it("names rows without a result in a completed batch: they may have been paid for", function()
    local batch = submitted(2, { status = "completed",
      output_file_id = success("r1", "one") .. "\nno JSON\n" .. success("x", "other") .. "\n" })
    local fetched = fetch(batch)
    assert.are.same({ 1, { "r2" }, { "x" }, 1 },
      { fetched.rows, fetched.missing, fetched.unknown, fetched.unreadable })
    assert.are.same({ r1 = "one", r2 = "not_run" }, place:texts())
    assert.are.same({ "r2" }, place:run().paid_twice)
  end)

  it("that has no results where there must be some is an error, and nothing is lost", function()
    local batch = submitted(2, { status = "completed" })
    local fetched, err = batch:fetch()
    assert.are.same({ nil, "invalid_response" }, { fetched, err.kind })
    assert.are.equal(2, assert(batch:status()).remote)
  end)

  it("goes on in states of any name and case", function()
    for _, status in ipairs { "VALIDATING", "in_progress", "Finalizing", "cancelling", "new" } do
      local batch = submitted(1, { status = status })
      local fetched = assert(batch:fetch())
      assert.are.same({ 1, status:lower() }, { fetched.open, fetched.parts[1].status })
      place:remove()
      place = batches.place()
    end
  end)

  it("is tried again by the next fetch where it breaks off", function()
    local batch = submitted(2, { status = "completed",
      output_file_id = success("r1", "one") .. "\n" .. success("r2", "two") })
    batches.sim:script { { match = "/content", status = 404 } }
    assert.are.equal("not_found", select(2, batch:fetch()).kind)
    assert.are.equal(2, fetch(batch).rows)
  end)

  it("is waited for without keeping others from the batch", function()
    local batch = submitted(1, { status = "in_progress" })
    local looks = 0
    local fetched = assert(batch:fetch { wait = true, interval = 0, on_progress = function(parts)
      looks = looks + 1
      assert.is_nil(assert(batch:status()).running)
      assert.are.equal("in_progress", parts[1].status)
      return looks < 3
    end })
    assert.are.same({ 3, 1 }, { looks, fetched.open })
  end)

  it("is no longer waited for when the task is cancelled", function()
    local batch = submitted(1, { status = "in_progress" })
    local fetched, err
    local task = novita.spawn(function() fetched, err = batch:fetch { wait = true } end)
    local other = novita.spawn(function() task:cancel() end)
    novita.run()
    assert.is_true(other.done)
    assert.are.same({ nil, "cancelled" }, { fetched, err.kind })
  end)

  it("goes through the function that checks answers", function()
    local batch = submitted(2, { status = "completed", fields = {
      check = function(reply) return reply:text() == "one", "not one" end,
    }, output_file_id = success("r1", "one") .. "\n" .. success("r2", "two") })
    assert.are.equal(2, fetch(batch).rows)
    local status = assert(batch:status())
    assert.are.same({ 1, 1, 14 }, { status.done, status.failed, status.usage.total_tokens })
    assert.is_truthy(place:lines()[2].error.message:find("not one", 1, true))
  end)

  it("is written down before an error of that function is raised", function()
    local batch = submitted(1, { status = "completed", fields = {
      check = function() error("oops", 0) end }, output_file_id = success("r1", "one") })
    assert.has_error(function() batch:fetch() end, "oops")
    assert.are.equal(1, assert(batch:status()).failed)
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
