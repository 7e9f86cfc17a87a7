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

-- Whether LuaJIT has compiled a call of next while fn ran.
local function compiles_next(fn)
  local util = require("jit.util")
  local calls, compiled
  local function on_trace(what)
    if what == "start" then calls = false end
    if what == "stop" then compiled = compiled or calls end
  end
  local function on_record(_, code) -- a function: of Lua, or built in
    if util.funcinfo(code).ffid == util.funcinfo(next).ffid then calls = true end
  end
  local jit = rawget(_G, "jit")
  local was_on = jit.status()
  jit.on()
  jit.flush()
  jit.attach(on_trace, "trace")
  jit.attach(on_record, "record")
  local ok, problem = pcall(fn)
  jit.attach(on_trace)
  jit.attach(on_record)
  if not was_on then jit.off() end
  assert(ok, problem)
  return compiled
end

-- Its code may crash, as the registers of the loop happen to fall.
describe("compat.next", function()
  local jit = rawget(_G, "jit")
  local is_unsafe = jit and jit.arch == "x64" and jit.version:find("beta", 1, true)

  it("is next", function()
    assert.same({ "a", 1 }, { compat.next { a = 1 } })
    assert.same({ 2, "y" }, { compat.next({ "x", "y" }, 1) })
    assert.is_nil(compat.next {})
    assert.has_error(function() compat.next(nil) end)
  end)

  if is_unsafe then
    it("is not compiled by a LuaJIT whose code may crash, nor are loops over each", function()
      local full, count = { a = 1 }, 0
      local function count_by(fn)
        for _ = 1, 1000 do
          if fn(full) then count = count + 1 end
        end
      end
      local seen -- at times LuaJIT finds no memory for code near its own
      local tries = 0
      repeat
        seen, tries = compiles_next(function() count_by(next) end), tries + 1
      until seen or tries == 50
      assert.is_true(seen)
      count = count - 1000 * (tries - 1)
      assert.is_falsy(compiles_next(function() count_by(compat.next) end))
      assert.is_falsy(compiles_next(function()
        count_by(function(t)
          for name in compat.each(t) do count = count + #name end
        end)
      end))
      assert.equal(3000, count)
    end)

    it("is not compiled as streams are assembled", function()
      local accumulator, whole = require("novita.stream.accumulator"), true
      local function chunk(index, content, reason)
        return { id = "1", choices = { { index = index, delta = { content = content },
          finish_reason = reason } } }
      end
      assert.is_falsy(compiles_next(function()
        for round = 1, 1000 do
          local reply = accumulator.new(2)
          for index = 1, round % 7 do reply:add(chunk(index % 2, "a")) end
          reply:add(chunk(0, "b", "stop"))
          reply:add(chunk(1, { { type = "text", text = "c" } }, "stop"))
          whole = whole and reply:conclude() and reply:build()
        end
      end))
      assert.is_truthy(whole)
    end)
  end
end)
