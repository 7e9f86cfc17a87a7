-- Transfers as objects: the answer closes them, and cancel has its time.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local sim, pool

setup(function() sim = simulator.shared() end)
teardown(function() sim:reset() end) -- for the specs that come next

before_each(function()
  sim:reset()
  pool = core.pool()
end)

after_each(function()
  pool:close()
  pool = nil
end)

-- Drives the pool until the journal shows what the predicate wants of its first entry.
local function drive_until(predicate)
  assert(sim:wait_for(function(entries)
    pool:poll(0)
    return entries[1] and predicate(entries[1])
  end))
end

local function answering(entry) return entry.first_byte end

local function start(step, options)
  if step then sim:script { step } end
  return assert(pool:chat(wire.request, wire.options(options)))
end

describe("a transfer", function()
  it("is closed by its answer", function()
    local transfer = start()
    repeat until pool:poll(10) == 0
    assert.is_table(transfer:reply())
    assert.are.equal("novita.transfer (closed)", tostring(transfer))
    for _, method in ipairs { "reply", "cancel" } do
      assert.error_matches(function() transfer[method](transfer) end, "closed transfer")
    end
  end)

  it("that is done can't be cancelled any more", function()
    local transfer = start()
    repeat until pool:poll(10) == 0
    transfer:cancel()
    assert.is_table(transfer:reply())
  end)

  it("cancelled inside an error's body is cancelled", function()
    local transfer = start { status = 500, cut = 10, ending = "stall" }
    drive_until(answering)
    pool:poll(0.01)
    transfer:cancel()
    assert.are.equal("cancelled", select(2, transfer:reply()).kind)
  end)
end)
