local compat = require("novita.compat")

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

-- Loops that the compiler of LuaJIT tries and gives up.
describe("compat.each", function()
  it("visits all members, however often", function()
    local each = compat.each
    local inner = { 1, 2, 3, 4, 5 }
    local outer = { a = inner, b = inner, c = inner, d = inner, e = inner }
    local function spin(...) for _ = 1, 100 do end end -- luacheck: ignore
    local least = 5
    for _ = 1, 100000 do
      spin()
      local count = 0
      for _, list in each(outer) do
        for _ in each(list) do end
        count = count + 1
      end
      least = math.min(least, count)
    end
    assert.are.equal(5, least)
  end)
end)

describe("compat.pcall", function()
  it("calls functions of C too, in a coroutine", function()
    local results = {}
    coroutine.wrap(function()
      results = { compat.pcall(tostring, 12), compat.pcall(error, "no", 0) }
    end)()
    assert.are.same({ true, false, "no" }, results)
  end)
end)
