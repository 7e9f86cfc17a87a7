-- Waits for transfers, by tasks and by the code outside of them.

local novita = require("novita")

local streaming = require("spec.support.streaming")

local request = streaming.request
local sim, client

describe("calls in tasks", function()
  before_each(function() client, sim = streaming.fresh() end)

  it("go on while code outside waits for its own", function()
    local seen = 0
    local task = novita.spawn(function()
      for _ = 1, 3 do
        assert(client:chat(request))
        seen = seen + 1
      end
    end)
    sim:script { { match = "outside", delay = 0.1 + streaming.slack } }
    assert(client:chat { model = streaming.model, message = "outside" })
    assert.equal(3, seen)
    task:wait()
  end)

  it("may not be two that read one stream", function()
    local stream = streaming.open(streaming.silent {})
    local first = novita.spawn(function() return stream:next() end)
    local ok, err = novita.spawn(function() return stream:next() end):join()
    assert.is_false(ok)
    assert.truthy(err:find("waiting for this answer already", 1, true))
    stream:cancel()
    assert.equal("cancelled", select(3, first:join()).kind)
  end)
end)
