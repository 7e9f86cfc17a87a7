-- A name server that does not answer (slowname.c) holds up nothing: no cancel, no time-out, no exit
-- of the program, although the look-up goes on in a thread of libcurl's.

local child = require("spec.support.child")
local wire = require("spec.support.wire")

local SLOW_NAME = os.getenv("LUA_CPATH"):match("^[^;]+"):gsub("%?", "spec/support/slowname")

local PROGRAM = [[
  local pool = core.pool()
  local options = { base_url = "http://slow.test/v1", api_key = "sk_spec",
    connect_timeout = tonumber(os.getenv("LIMIT")) }
  local transfer = assert(pool:chat({ model = "m", message = "x" }, options))
  pool:poll(0.02)
  local start = core.now()
  local function show(err)
    print(core.now() - start)
    if err then print(err.kind, err.reason, err.phase) end
  end
]]

-- Runs code in that program; returns the seconds that it took and the rest of its output.
local function run(code, environment)
  environment = environment or {}
  environment.LD_PRELOAD = (os.getenv("NOVITA_PRELOAD") or "") .. " " .. SLOW_NAME
  environment.NAME_SECONDS = environment.NAME_SECONDS or "3"
  local output, how, number = child.run(wire.program(PROGRAM .. code), environment)
  local seconds, rest = output:match("^(%S+)\n(.*)$")
  assert.are.same({ "exit", 0 }, { how, number }, output)
  return tonumber(seconds), rest
end

describe("while a name is looked up", function()
  local function at_once(code)
    local seconds, rest
    local all = wire.took(function() seconds, rest = run(code) end)
    assert.is_true(seconds < 0.02 + wire.slack / 4, seconds)
    assert.is_true(all < 0.5 + 2 * wire.slack, all)
    return rest
  end

  it("cancel returns at once", function()
    local rest = at_once([[
      transfer:cancel()
      show(select(2, transfer:reply()))
    ]])
    assert.are.equal("cancelled\tnil\tconnect\n", rest)
  end)

  it("closing the transfer, or the pool, returns at once", function()
    at_once("transfer:close() show()")
    at_once("pool:close() show()")
  end)

  it("collection returns at once", function()
    at_once("transfer = nil collectgarbage() collectgarbage() show()")
  end)

  it("the program ends at once", function()
    at_once("show() os.exit(0, true)")
    at_once("show()")
  end)

  it("the time-out of connecting fires", function()
    local seconds, rest = run([[
      repeat local left = pool:poll(1) until left == 0
      show(select(2, transfer:reply()))
    ]], { LIMIT = "0.1" })
    assert.is_true(seconds < 0.1 + wire.slack, seconds)
    assert.are.equal("timeout\tconnect\tconnect\n", rest)
  end)

  it("the pool drives its other transfers", function()
    local seconds, rest = run([[
      sim = { base_url = os.getenv("SIM"), api_key = "sk_spec" }
      local other = assert(pool:chat({ model = os.getenv("MODEL"), message = "x" }, sim))
      repeat pool:poll(1) until pool:ready() == other
      show()
      print(other:reply() ~= nil)
    ]], { SIM = require("spec.support.simulator_client").shared().url, MODEL = wire.model })
    assert.is_true(seconds < wire.slack, seconds)
    assert.are.equal("true\n", rest)
  end)
end)

describe("a name that nobody knows", function()
  it("is an error of the connection, called dns", function()
    local _, rest = run([[
      repeat until pool:poll(1) == 0
      show(select(2, transfer:reply()))
    ]], { NAME_SECONDS = "0" })
    assert.are.equal("connection\tdns\tconnect\n", rest)
  end)
end)
