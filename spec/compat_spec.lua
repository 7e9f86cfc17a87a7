local compat = require "novita.compat"

describe("compat.finalizer", function()
  it("calls the function once what it gave is collected, and not before", function()
    local calls, held = 0, {}
    local function finalizer() return compat.finalizer(function() calls = calls + 1 end) end
    local function drop() finalizer() end
    held[1] = finalizer()
    drop()
    collectgarbage()
    collectgarbage()
    assert.are.equal(1, calls)
    assert.is_truthy(held[1])
    held[1] = nil
    collectgarbage()
    collectgarbage()
    assert.are.equal(2, calls)
  end)
end)
