-- fork: a pool belongs to the process that made it. A child gets a clear error from it, makes calls
-- of its own through a fresh one, and can neither hear nor disturb its parent's connections.

local core = require("novita.core")
local novita = require("novita")

local child = require("spec.support.child")
local native = require("spec.support.native")
local pools = require("spec.support.pools")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local FOREVER = 30
local MESSAGE = "pool used after fork"

local sim, pool

setup(function() sim = simulator.shared() end)
pools.with(function(fresh) pool = fresh end)

local function finish(transfer)
  repeat until pool:poll(10) == 0
  return transfer:reply()
end

-- A transfer of which the server has sent a part; the rest comes a little later.
local function start_half()
  local transfer = pools.start { cut = 200, ending = "stall", stall = 0.05 }
  repeat pool:poll(0.01) until transfer:info()
  return transfer
end

describe("in a child of its process", function()
  it("a pool raises, whatever it is asked", function()
    local transfer = pools.start { delay = 0.03 }
    child.fork(function()
      assert(not pool:usable())
      for _, method in ipairs { "chat", "request", "poll", "ready", "fd" } do
        local ok, err = pcall(pool[method], pool, { path = "/models" }, {})
        assert(not ok and err:find(MESSAGE, 1, true), method .. ": " .. tostring(err))
      end
    end)
    assert.is_true(pool:usable())
    assert.is_table(finish(transfer))
  end)

  it("a transfer in flight raises, whatever it is asked", function()
    local transfer = start_half()
    child.fork(function()
      for _, method in ipairs { "reply", "next", "info", "cancel" } do
        local ok, err = pcall(transfer[method], transfer)
        assert(not ok and err:find(MESSAGE, 1, true), method .. ": " .. tostring(err))
      end
    end)
    assert.is_table(finish(transfer))
  end)

  it("a transfer that was done can still be read", function()
    local transfer = pools.start()
    repeat until pool:poll(10) == 0
    assert.are.equal(transfer, pool:ready())
    local text = child.fork(function() return assert(transfer:reply()):text() end)
    assert.are.equal(text, assert(transfer:reply()):text())
  end)

  it("closing and collecting everything leaves the parent's alone", function()
    local transfer = start_half()
    child.fork(function()
      transfer:close()
      pool:close()
      transfer, pool = nil, nil
      collectgarbage()
      collectgarbage()
    end)
    local reply, info = finish(transfer)
    assert.is_string(reply:text())
    assert.is_false(info.reused)
    assert.is_true(select(2, finish(pools.start())).reused)
    local entries = sim:journal()
    assert.are.equal(2, #entries)
    assert.are.equal(entries[1].connection, entries[2].connection)
    assert.is_nil(entries[1].aborted)
  end)

  for name, exit in pairs {
    ["closing the Lua state"] = function() os.exit(0, true) end,
    ["without closing it"] = function() os.exit(0) end,
  } do
    it("exit leaves the parent's alone, " .. name, function()
      local transfer = start_half()
      local pid = native.fork()
      if pid == 0 then
        io.stdout:setvbuf("no")
        exit()
      end
      local how, number = native.wait(pid)
      assert.are.equal("exit", how)
      if not os.getenv("NOVITA_PRELOAD") then assert.are.equal(0, number) end -- else it is a leak
      assert.is_string(finish(transfer):text())
      assert.is_true(select(2, finish(pools.start())).reused)
    end)
  end

  it("does not keep a connection open that the parent cancels", function()
    local transfer = pools.start { delay = FOREVER }
    assert.is_truthy(sim:wait_for(function(entries)
      pool:poll(0)
      return entries[1]
    end))
    local pid = native.fork()
    if pid == 0 then
      native.readable(-1, 10) -- sleeps
      native.quit(0)
    end
    transfer:cancel()
    local entry = wire.entry()
    native.kill(pid, "KILL")
    native.wait(pid)
    assert.is_truthy(entry, "the server did not see it")
    assert.is_true(entry.aborted)
  end)
end)

describe("novita.chat", function()
  local function ask(text, how)
    return (how or novita.chat)({ model = wire.model, message = text }, wire.options())
  end

  for name, how in pairs { ["novita.chat"] = novita.chat, ["core.chat"] = core.chat } do
    it("works in a child, and in its parent afterwards: " .. name, function()
      assert(ask("parent", how))
      local text = child.fork(function()
        local reply, info = ask("child", how)
        assert(not info.reused)
        return reply:text()
      end)
      assert.is_truthy(text:find('"child"', 1, true))
      local reply, info = ask("parent again", how)
      assert.is_truthy(reply:text():find('"parent again"', 1, true))
      assert.is_true(info.reused)
      local entries = sim:journal()
      assert.are.equal(3, #entries)
      assert.are.equal(entries[1].connection, entries[3].connection)
      assert.are_not.equal(entries[1].connection, entries[2].connection)
    end)
  end

  it("works in a child of a child", function()
    assert(ask("parent"))
    child.fork(function()
      assert(ask("child"))
      child.fork(function() assert(ask("grandchild")) end)
      assert(select(2, ask("child")).reused)
    end)
    assert.is_true(select(2, ask("parent")).reused)
    assert.are.equal(5, #sim:journal())
  end)

  it("works in many children at once", function()
    assert(ask("parent"))
    local pids = {}
    for index = 1, 5 do
      pids[index] = native.fork()
      if pids[index] == 0 then
        local reply = ask("child " .. index)
        native.quit(reply and reply:text():find("child " .. index, 1, true) and 0 or 1)
      end
    end
    for index = 1, 5 do assert.are.same({ "exit", 0 }, { native.wait(pids[index]) }) end
    assert.is_true(select(2, ask("parent")).reused)
  end)
end)
