-- The locks of a store on a PostgreSQL connection.

local engine = require("spec.support.stores").postgres
local pgmoon = require("spec.support.pgmoon")

describe("a store over a connection, #postgres,", function()
  local store

  pgmoon.with(function(_, _, fresh) store = fresh end)

  it("has locks", function()
    local lock = assert(store:lock("run"))
    local other = engine.open()
    assert.are.equal("locked", select(2, other:lock("run")).reason)
    lock:release()
    assert(other:lock("run"))
  end)
end)
