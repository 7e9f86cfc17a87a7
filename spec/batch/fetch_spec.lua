-- Fetching what the server says of a batch.

local novita = require("novita")

local batches = require("spec.support.batches")

local fetch, success = batches.fetch, batches.success

local place

describe("what the server says of a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("may be that it expired: what is complete counts, and the rest waits again", function()
    local batch = place:submitted(3, { status = "EXPIRED", output_file_id = success("r2", "two") })
    local fetched = fetch(batch)
    assert.are.same({ 1, {}, "expired" },
      { fetched.rows, fetched.missing, fetched.parts[1].status })
    local status = assert(batch:status())
    assert.are.same({ 1, 2, 0, {} },
      { status.done, status.waiting, status.remote, status.paid_twice })
    assert.are.equal(2, place:run().sent)
  end)

  it("names rows without a result in a completed batch: they may have been paid for", function()
    local batch = place:submitted(2, { status = "completed",
      output_file_id = success("r1", "one") .. "\nno JSON\n" .. success("x", "other") .. "\n" })
    local fetched = fetch(batch)
    assert.are.same({ 1, { "r2" }, { "x" }, 1 },
      { fetched.rows, fetched.missing, fetched.unknown, fetched.unreadable })
    assert.are.same({ r1 = "one", r2 = "not_run" }, place:texts())
    assert.are.same({ "r2" }, place:run().paid_twice)
  end)

  it("that has no results where there must be some is an error, and nothing is lost", function()
    local batch = place:submitted(2, { status = "completed" })
    local fetched, err = batch:fetch()
    assert.are.same({ nil, "invalid_response" }, { fetched, err.kind })
    assert.are.equal(2, assert(batch:status()).remote)
  end)

  it("is tried again by the next fetch where it breaks off", function()
    local batch = place:submitted(2, { status = "completed",
      output_file_id = success("r1", "one") .. "\n" .. success("r2", "two") })
    batches.sim:script { { match = "/content", status = 404 } }
    assert.are.equal("not_found", select(2, batch:fetch()).kind)
    assert.are.equal(2, fetch(batch).rows)
  end)

  it("is waited for without keeping others from the batch", function()
    local batch = place:submitted(1, { status = "in_progress" })
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
    local batch = place:submitted(1, { status = "in_progress" })
    local fetched, err
    local task = novita.spawn(function() fetched, err = batch:fetch { wait = true } end)
    local other = novita.spawn(function() task:cancel() end)
    novita.run()
    assert.is_true(other.done)
    assert.are.same({ nil, "cancelled" }, { fetched, err.kind })
  end)

  it("goes through the function that checks answers", function()
    local batch = place:submitted(2, { status = "completed", fields = {
      check = function(reply) return reply:text() == "one", "not one" end,
    }, output_file_id = success("r1", "one") .. "\n" .. success("r2", "two") })
    assert.are.equal(2, fetch(batch).rows)
    local status = assert(batch:status())
    assert.are.same({ 1, 1, 14 }, { status.done, status.failed, status.usage.total_tokens })
    assert.is_truthy(place:lines()[2].error.message:find("not one", 1, true))
  end)

  it("is written down before an error of that function is raised", function()
    local batch = place:submitted(1, { status = "completed", fields = {
      check = function() error("oops", 0) end }, output_file_id = success("r1", "one") })
    assert.has_error(function() batch:fetch() end, "oops")
    assert.are.equal(1, assert(batch:status()).failed)
  end)
end)
