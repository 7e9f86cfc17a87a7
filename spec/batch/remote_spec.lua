-- The server's Batch API as it answers: states of any case, lists in any order.

local batches = require("spec.support.batches")

local fetch, success = batches.fetch, batches.success

local place

describe("what the server says of a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("is kept byte by byte, whatever the order of its lines", function()
    local batch = place:submitted(2, { status = "COMPLETED",
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

  it("may be that the file is bad: its rows wait again, and the part says why", function()
    for _, errors in ipairs { "line 1: no model", { message = "line 1: no model" },
      { object = "list", data = { { code = "x", message = "line 1: no model" } } } } do
      local batch = place:submitted(2, { status = "FAILED", errors = errors })
      local fetched = fetch(batch)
      local part = fetched.parts[#fetched.parts]
      assert.are.same({ 0, "failed", "line 1: no model" },
        { fetched.rows, part.status, part.problem })
      assert.are.equal(2, assert(batch:status()).waiting)
    end
  end)

  it("goes on in states of any name and case", function()
    for _, status in ipairs { "VALIDATING", "in_progress", "Finalizing", "cancelling", "new" } do
      local batch = place:submitted(1, { status = status })
      local fetched = assert(batch:fetch())
      assert.are.same({ 1, status:lower() }, { fetched.open, fetched.parts[1].status })
      place:remove()
      place = batches.place()
    end
  end)
end)
