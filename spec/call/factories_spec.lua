-- The objects that outlive a call: functions that retry.

local novita = require("novita")

describe("novita.retry", function()
  it("tries any function again", function()
    local count = 0
    local fn = novita.retry(function(a, b, c)
      count = count + 1
      if count < 3 then return nil, "busy" end
      return a, b, c
    end, { initial_delay = 0.001 })
    assert.are.same({ 3, n = 3 }, { select("#", fn(1, nil, 3)), n = count })
  end)

  it("returns the last failure", function()
    local value, err = novita.retry(function() return nil, "busy" end,
      { attempts = 2, initial_delay = 0 })()
    assert.is_nil(value)
    assert.are.equal("busy", err)
  end)
end)
