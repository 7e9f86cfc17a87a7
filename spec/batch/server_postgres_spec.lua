-- Rows at the server's Batch API, from a store on a PostgreSQL server.

local batches = require("spec.support.batches")
local engine = require("spec.support.stores").postgres

describe("a batch at the server, by #postgres,", function()
  local place

  setup(engine.setup)
  before_each(function() place = batches.place() end)
  after_each(function()
    place:remove()
    engine.clear()
  end)

  it("is sent, fetched, and gone on with by a run", function()
    local rows = {}
    for number = 1, 5 do
      rows[number] = { id = "r" .. number, text = "text " .. number,
        model = number == 4 and "no/such" or "simulator/echo" }
    end
    place:rows(rows)
    local setup_of = { store = engine.address(),
      request = { model = "{{row.model}}", message = "{{row.text}}" } }
    local batch = place:batch(setup_of)
    local sent = assert(batch:submit { max_rows = 3 })
    assert.are.same({ 3, 5, 0 }, { #sent.parts, sent.rows, sent.left })

    rows[6] = { id = "r6", text = "text 6", model = "simulator/echo" }
    place:rows(rows)
    local summary = place:run(setup_of)
    assert.are.same({ 1, 1, 5 }, { summary.sent, summary.done, summary.remote })

    local fetched = assert(batch:fetch { wait = true, interval = 0 })
    assert.are.same({ 5, 0, {}, 6 }, { fetched.rows, fetched.open, fetched.missing,
      fetched.lines })
    local status = assert(batch:status())
    assert.are.same({ 5, 1, 0, 0, {} }, { status.done, status.failed, status.waiting,
      status.remote, status.paid_twice })
    assert.are.same({ r1 = "text 1", r2 = "text 2", r3 = "text 3", r4 = 404,
      r5 = "text 5", r6 = "text 6" }, place:texts())

    rows[4].model = "simulator/echo"
    place:rows(rows)
    assert.are.same({ 1, 6 }, { place:run(setup_of).sent, assert(batch:status()).done })
  end)
end)
