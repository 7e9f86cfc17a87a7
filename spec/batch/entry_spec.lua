-- A batch in its store: what a run without the input finds there.

local batches = require("spec.support.batches")

describe("a batch without an input", function()
  local place

  before_each(function()
    place = batches.place()
    place:numbered(3)
  end)
  after_each(function() place:remove() end)

  local function without_input(fields)
    local all = { name = "in.jsonl", input = false, request = false }
    for name, value in pairs(fields or {}) do all[name] = value end
    return place:try(all)
  end

  it("has the rows that were last read", function()
    assert(place:batch():plan())
    local summary = assert(assert(without_input()):run())
    assert.are.same({ 3, 3, true }, { summary.done, summary.lines, summary.complete })
    assert.are.same({ r1 = "text 1", r2 = "text 2", r3 = "text 3" }, place:texts())
    assert.are.equal(3, assert(assert(without_input()):run()).reused)
  end)

  it("calls the endpoint that was noted", function()
    place:rows { { id = "a", text = "A" } }
    assert(place:batch {
      endpoint = "/embeddings", request = { model = "simulator/embed", input = "{{row.text}}" },
    }:plan())
    local batch = assert(without_input())
    batch:run()
    assert.are.equal("/openai/v1/embeddings", batches.sim:journal()[#batches.sim:journal()].path)
  end)

  it("does not replace them by its output", function()
    assert(place:batch():plan())
    local none, err = without_input { output = place.input, store = place.db }
    assert.are.same({ "config", "output" }, { not none and err.kind, err.param })
  end)

  it("is refused where none was read, or another server is meant", function()
    local none, err = assert(without_input()):run()
    assert.are.same({ "config", "input" }, { not none and err.kind, err.param })
    assert(place:batch():plan())
    none, err = assert(without_input { base_url = "http://127.0.0.1:1/v1" }):run()
    assert.are.same({ "config", "base_url" }, { not none and err.kind, err.param })
    assert.is_truthy(err.message:find(batches.sim.url, 1, true))
  end)
end)
