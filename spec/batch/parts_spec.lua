-- The parts of a batch at the server, a file each.

local batches = require("spec.support.batches")

local OTHER = "meta-llama/llama-3.1-8b-instruct"

local place

describe("a batch at the server", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

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
    assert.are.equal(4, #batches.posts("/batches"))
    local fetched = batches.fetch(batch)
    assert.are.equal(7, fetched.rows)
    assert.are.equal("not_run", place:texts().long)
    assert.are.equal(1, assert(batch:submit()).rows)
    local line = #'{"custom_id":"long","method":"POST","url":"/v1/chat/completions","body":}\n'
      + #batches.uploaded(batches.posts("/files")[5]).long.body.messages[1].content
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
    assert.are.equal(5, batches.fetch(batch).rows)
    sent = assert(batch:submit())
    assert.are.same({ 4, 1, "budget" }, { sent.rows, sent.left, sent.stopped })
    fields.budget = { usd = 1, tokens = 1000000 }
    fields.request.model = "no/such"
    assert.are.equal("budget.usd", select(2, place:batch(fields):submit()).param)
  end)
end)
