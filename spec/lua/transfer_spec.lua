-- Transfers as objects: the answer closes them, and cancel has its time.

local pools = require("spec.support.pools")

local pool

pools.with(function(fresh) pool = fresh end)

describe("a transfer", function()
  it("is closed by its answer", function()
    local transfer = pools.start()
    repeat until pool:poll(10) == 0
    assert.is_table(transfer:reply())
    assert.are.equal("novita.transfer (closed)", tostring(transfer))
    for _, method in ipairs { "reply", "cancel" } do
      assert.error_matches(function() transfer[method](transfer) end, "closed transfer")
    end
  end)

  it("that is done can't be cancelled any more", function()
    local transfer = pools.start()
    repeat until pool:poll(10) == 0
    transfer:cancel()
    assert.is_table(transfer:reply())
  end)

  it("cancelled inside an error's body is cancelled", function()
    local transfer = pools.start { status = 500, cut = 10, ending = "stall" }
    pools.drive_until(pools.answering)
    pool:poll(0.01)
    transfer:cancel()
    assert.are.equal("cancelled", select(2, transfer:reply()).kind)
  end)
end)
