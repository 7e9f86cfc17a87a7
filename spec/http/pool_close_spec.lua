-- Ending: cancel, close and collection, in every phase and every order, stop what is under way at
-- once, and leave nothing behind (see helper.lua for the descriptors).

local core = require("novita.core")

local child = require("spec.support.child")
local pools = require("spec.support.pools")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local AT_ONCE = 0.05
local FOREVER = 30

local sim, pool

setup(function() sim = simulator.shared() end)
pools.with(function(fresh) pool = fresh end)

local function received() return true end
-- The phases in which a transfer can be stopped, each with how to get there.
local phases = {
  { name = "before anything", phase = "connect", begin = function() return (pools.start()) end },
  {
    name = "while connecting", phase = "connect",
    begin = function()
      local url, close = simulator.deaf()
      local transfer = pools.start(nil, { base_url = url })
      pool:poll(0.01)
      return transfer, close
    end,
  },
  {
    name = "while agreeing on TLS", phase = "connect",
    begin = function()
      local transfer = pools.start(nil, { base_url = sim.url:gsub("^http:", "https:") })
      pool:poll(0.01)
      return transfer
    end,
  },
  {
    name = "while sending", phase = "headers",
    begin = function()
      sim:script { { early = true, delay = FOREVER } }
      local transfer = assert(pool:chat({ model = wire.model, message = ("x"):rep(8000000) },
        wire.options()))
      pools.drive_until(received)
      return transfer
    end,
    seen = true,
  },
  {
    name = "while waiting for an answer", phase = "headers",
    begin = function()
      local transfer = pools.start { delay = FOREVER }
      pools.drive_until(received)
      return transfer
    end,
    seen = true,
  },
  {
    name = "inside the headers", phase = "headers",
    begin = function()
      local transfer = pools.start { delay_headers = FOREVER }
      pools.drive_until(pools.answering)
      pool:poll(0.01)
      return transfer
    end,
    seen = true,
  },
  {
    name = "inside the body", phase = "body",
    begin = function()
      local transfer = pools.start { cut = 100, ending = "stall" }
      pools.drive_until(pools.answering)
      pool:poll(0.01)
      return transfer
    end,
    seen = true,
  },
}

-- Stopped at once, and the server, if it knows of the request, sees it too.
local function stops(phase, stop)
  local transfer, cleanup = phase.begin()
  assert.is_true(wire.took(function() stop(transfer) end) < AT_ONCE + wire.slack / 4)
  if phase.seen then assert.is_true(wire.entry().aborted) end
  if cleanup then cleanup() end
end

for _, phase in ipairs(phases) do
  describe(phase.name .. ",", function()
    it("cancel stops a transfer", function()
      stops(phase, function(transfer)
        transfer:cancel()
        assert.are.equal(0, pool:poll(0))
        transfer:cancel()
        local reply, err = transfer:reply()
        assert.is_nil(reply)
        assert.are.equal("cancelled", err.kind)
        assert.are.equal(phase.phase, err.phase)
      end)
    end)

    it("close stops a transfer", function()
      stops(phase, function(transfer)
        transfer:close()
        assert.are.equal(0, pool:poll(0))
        transfer:close()
        assert.error_matches(function() transfer:reply() end, "closed transfer")
      end)
    end)

    it("collection stops a transfer", function()
      local box = setmetatable({}, { __mode = "k" })
      local cleanup
      do
        local transfer
        transfer, cleanup = phase.begin()
        box[transfer] = true
      end
      assert.are.equal("novita.pool (1 in flight)", tostring(pool))
      collectgarbage()
      collectgarbage()
      assert.are.equal("novita.pool (0 in flight)", tostring(pool))
      assert.is_nil(next(box))
      if phase.seen then assert.is_true(wire.entry().aborted) end
      if cleanup then cleanup() end
    end)

    it("closing the pool stops a transfer", function()
      stops(phase, function(transfer)
        pool:close()
        local reply, err = transfer:reply()
        assert.is_nil(reply)
        assert.are.equal("cancelled", err.kind)
        transfer:close()
      end)
    end)
  end)
end

describe("a closed pool", function()
  it("refuses to work, and may be closed again", function()
    pool:close()
    pool:close()
    assert.is_false(pool:usable())
    assert.are.equal("novita.pool (closed)", tostring(pool))
    for _, method in ipairs { "chat", "request", "poll", "ready", "fd" } do
      assert.error_matches(function() pool[method](pool, {}) end, "closed pool")
    end
  end)

  it("takes its news along", function()
    local transfer = pools.start()
    repeat until pool:poll(10) == 0
    pool:close()
    assert.is_table(transfer:reply())
  end)

  it("can be collected while a stream that was read takes its last bytes beside another", function()
    sim:script { { delay = FOREVER }, { final_chunk = false, ending = "stall" } }
    local own = core.pool()
    local held = { assert(own:chat(wire.request, wire.options())) }
    assert(sim:wait_for(function(entries) return own:poll(0) and entries[1] end))
    local request = { model = wire.model, message = "Hello there", stream = true }
    held[2] = assert(own:chat(request, wire.options()))
    local chunk
    repeat
      own:poll(1)
      repeat chunk = held[2]:next() until not chunk
    until chunk == false
    assert.are.equal(2, own:poll(0)) -- the second one waits for the end of its framing
    own, held = nil, nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
  end)
end)

describe("a transfer", function()
  if _VERSION == "Lua 5.4" then
    it("and its pool are closed at the end of a block", function()
      sim:always { delay = FOREVER }
      local run = load([[
        local pool_of, start = ...
        local transfer
        do
          local pool <close> = pool_of()
          transfer = start(pool)
          local closed <close> = start(pool)
          assert(tostring(pool) == "novita.pool (2 in flight)")
        end
        return transfer
      ]])
      local transfer = run(core.pool, function(p)
        return assert(p:chat(wire.request, wire.options()))
      end)
      assert.are.equal("cancelled", select(2, transfer:reply()).kind)
    end)
  end
end)

describe("at the exit of a program", function()
  local UNDER_WAY = [[
    local pool = core.pool()
    local options = { base_url = os.getenv("SIM"), api_key = "sk_spec" }
    local transfer = assert(pool:chat({ model = "deepseek/deepseek-v3-0324", message = "x" },
      options))
    repeat pool:poll(0.01) until transfer:info()
  ]]

  for name, ending in pairs {
    ["it just ends"] = "",
    ["os.exit closes the state"] = "os.exit(0, true)",
    ["os.exit does not"] = "os.exit(0)",
    ["the pool is global"] = "P, T = pool, transfer",
    ["the pool is closed first"] = "pool:close()",
    ["the transfer is closed first"] = "transfer:close()",
  } do
    it("a transfer in flight ends, when " .. name, function()
      sim:always { cut = 100, ending = "stall" }
      local output, how, number = child.run(wire.program(UNDER_WAY .. ending), { SIM = sim.url })
      assert.are.same({ "", "exit", 0 }, { output, how, number })
      assert.is_true(sim:wait_for(function(entries)
        for _, entry in ipairs(entries) do -- one of a spec before may come late
          if entry.aborted and entry.body:find('"x"', 1, true) then return true end
        end
      end))
    end)
  end
end)
