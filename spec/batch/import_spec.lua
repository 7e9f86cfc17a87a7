-- Reading the input into the store: what is written, and what a second reading leaves as it is.

local batches = require("spec.support.batches")

local place

-- Statements that write, while fn runs.
local function writes(batch, fn)
  local store, count = batch.store, 0
  local inside = getmetatable(store).__index
  local query = inside.query
  function inside.query(self, sql, ...)
    if sql:find("^%l+ into item") or sql:find("^insert into call%s") or sql:find("^update item")
      or sql:find("^delete from item where batch = $1 and seq >= $2") then
      count = count + 1
    end
    return query(self, sql, ...)
  end
  local ok, err = pcall(fn)
  inside.query = query
  assert(ok, err)
  return count
end

local function ids()
  local list = {}
  for _, row in ipairs(place:query("select seq, id from item order by seq")) do
    list[row[1]] = row[2]
  end
  return list
end

describe("the input in the store", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("is written once", function()
    place:numbered(1200) -- more than a transaction
    local batch = place:batch()
    assert.are.equal(1200, assert(batch:plan()).rows)
    assert.are.equal(1, writes(batch, function() assert(batch:plan()) end)) -- what is behind it
    assert.are.equal(1200, place:query("select count(*) from call")[1][1])
  end)

  it("is written anew from the first row that has moved", function()
    place:numbered(5)
    local batch = place:batch()
    assert(batch:plan())
    place:rows { { id = "r1", text = "text 1" }, { id = "new", text = "n" },
      { id = "r2", text = "text 2" } }
    assert.are.equal(1 + 2 * 2 + 1, writes(batch, function() assert(batch:plan()) end))
    assert.are.same({ "r1", "new", "r2" }, ids())
    place:rows { { id = "new", text = "n" } }
    assert(batch:plan())
    assert.are.same({ "new" }, ids())
  end)

  it("has one row changed where only a text has", function()
    place:numbered(5)
    local batch = place:batch()
    assert(batch:plan())
    place:rows { { id = "r1", text = "text 1" }, { id = "r2", text = "edited" },
      { id = "r3", text = "text 3" }, { id = "r4", text = "text 4" }, "{" }
    assert.are.equal(2 + 2 + 1, writes(batch, function() assert(batch:plan()) end))
    assert.are.equal("\1#5", ids()[5]) -- no id that a row can have
    assert.are.equal("line 5 is not JSON",
      place:query("select problem from item where seq = 5")[1][1]:sub(1, 18))
  end)

  it("has a call again for each row whose call was removed, with an id or without", function()
    for _, rows in ipairs {
      { { id = "a", text = "1" }, { id = "b", text = "2" }, { id = "c", text = "3" } },
      { { text = "1" }, { text = "1" }, { text = "3" } },
    } do
      place:rows(rows)
      assert.are.same({ true, 3 }, { place:run().complete, #place:lines() })
      place:query("delete from call where n % 2 = 0")
      local left = place:query("select count(*) from call")[1][1]
      local summary = place:run()
      assert.are.same({ true, 3, 3 - left }, { summary.complete, summary.done, summary.sent })
      place:remove()
      place = batches.place()
    end
  end)

  it("sends the request of a row whose call has the number of one that was removed", function()
    place:numbered(3)
    assert.is_true(place:run().complete)
    place:query("delete from call where n = 3")
    place:rows { { id = "r1", text = "text 1" }, { id = "r2", text = "text 2" },
      { id = "r3", text = "another" } }
    place:run { store = { place.db, prompts = false } }
    assert.are.equal("another", place:texts().r3)
  end)

  it("numbers equal rows without an id, whatever has been read before", function()
    local lines = {}
    for number = 1, 30 do lines[number] = { text = "same" } end
    place:rows(lines)
    local batch = place:batch()
    assert(batch:plan())
    table.insert(lines, 1, { text = "first" })
    lines[#lines + 1] = { text = "same" }
    place:rows(lines)
    local plan = assert(batch:plan())
    assert.are.same({ 32, 32, 2 }, { plan.rows, plan.to_send, plan.unique })
    assert.are.equal("31", ids()[32]:match("#(%d+)$"))
  end)

  it("refuses ids that are there twice, also at the next reading", function()
    place:numbered(3)
    local batch = place:batch()
    assert(batch:plan())
    local lines = {}
    for number = 1, 30 do lines[number] = { id = "r" .. number % 15, text = "t" } end
    place:rows(lines)
    for _ = 1, 2 do
      local plan, err = batch:plan()
      assert.is_nil(plan)
      assert.is_truthy(err.message:find('"r1" (lines 1 and 16), "r2" (lines 2 and 17)', 1, true))
      assert.is_truthy(err.message:find(" and 5 more$"), err.message)
    end
    place:numbered(3)
    assert.are.equal(3, assert(batch:plan()).to_send)
  end)

  it("stops with the error of the file", function()
    place:rows { { id = "a", text = "b" } }
    local batch = place:batch()
    os.remove(place.input)
    local plan, err = batch:plan()
    assert.is_nil(plan)
    assert.are.equal("config", err.kind)
  end)
end)
