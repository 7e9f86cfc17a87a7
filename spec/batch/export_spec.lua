-- The output of a batch: a line for each row, in each state.

local batches = require("spec.support.batches")

local place

describe("the output of a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("has a line for every row, whatever its state", function()
    place:rows { { id = "done", text = "a" }, { id = "failed", text = "b" },
      { id = "sent", text = "c" }, { id = "waiting", text = "d" }, "{", { text = "e" } }
    local batch = place:batch()
    assert(batch:plan())
    for id, state in pairs { done = "done", failed = "failed", sent = "sent" } do
      batch.store:query("update call set state = $2, status = $3, error = $4 where id = $1", id,
        state, state == "done" and 200 or 500, state == "failed" and '{"kind":"server"}' or nil)
      batch.store:query("insert into call_answer select n, $2 from call where id = $1", id,
        batch.store:bytes('{"a":[]}'))
    end
    assert.are.equal(6, batch:export())
    local codes = {}
    for number, line in ipairs(place:lines()) do
      codes[number] = line.custom_id .. " " .. (line.error and line.error.code or "answer") .. " "
        .. (line.response and line.response.status_code or "none")
    end
    assert.are.same({ "done answer 200", "failed server 500", "sent in_doubt none",
      "waiting not_run none", "row-5 invalid_row none", "row-6 not_run none" }, codes)
  end)

  it("is of more rows than are read at once, in their order", function()
    place:numbered(1100)
    local batch = place:batch()
    assert(batch:plan())
    assert.are.equal(1100, batch:export())
    assert.are.equal("r1001", place:lines()[1001].custom_id)
  end)

  it("is no file where it can't be whole", function()
    place:numbered(2)
    local batch = place:batch { output = place.dir .. "/none/out.jsonl", store = place.db }
    local lines, err = batch:export()
    assert.is_nil(lines)
    assert.are.equal("config", err.kind)
    assert.are.equal("output: is missing", select(2,
      place:batch({ output = false, store = place.db }):export()).message)
  end)
end)
