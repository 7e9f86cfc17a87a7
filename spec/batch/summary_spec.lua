-- The summary of a batch: how it stands.

local batches = require("spec.support.batches")

local place

describe("a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("tells how it stands, and exports what there is", function()
    place:numbered(3)
    local batch = place:batch()
    assert(batch:plan())
    local status = assert(batch:status())
    assert.are.same({ "in.jsonl", 3, 0, 3 },
      { status.name, status.total, status.done, status.waiting })
    assert.is_nil(status.running)
    assert.are.equal(3, batch:export())
    assert.are.equal("not_run", place:texts().r1)
  end)
end)
