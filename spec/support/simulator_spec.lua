-- The simulator as a program: how it starts, how it ends, what it bears. The rest is in
-- spec/support/simulator/*_spec.lua, through bare sockets: if it errs, no other spec is worth much.

local cjson = require("cjson")
local socket = require("socket")

local ask = require("spec.support.simulator_http")
local machine = require("spec.support.machine")
local raw = require("spec.support.socket_http")
local simulator = require("spec.support.simulator_client")

local sim

describe("the simulator's life", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  local function is_up(url)
    local host, port = raw.split(url)
    local sock = socket.connect(host, port)
    if sock then sock:close() end
    return sock ~= nil
  end

  local function goes_down(url)
    for _ = 1, 100 do
      if not is_up(url) then return true end
      socket.sleep(0.01)
    end
    return false
  end

  it("ends when told to", function()
    local other = simulator.start()
    assert.is_true(is_up(other.url))
    other:stop()
    assert.is_false(is_up(other.url))
  end)

  it("ends when its owner has gone", function()
    local other = simulator.start { rpm = 1 }
    other.control:close()
    assert.is_true(goes_down(other.url))
  end)

  it("lends itself to a command, and goes with it", function()
    local script = "NOVITA_SIM_PORT=0 spec/support/with-simulator sh -c "
      .. "'echo $NOVITA_BASE_URL $NOVITA_API_KEY; exit 7' 2>&1; echo $?"
    local pipe = io.popen(script)
    local text = pipe:read("*a")
    pipe:close()
    local notice, url, status = text:match("^(.-)\n(%S+) sk_simulator\n(%d+)\n$")
    assert.are.equal("7", status, text)
    assert.is_truthy(notice:find("not to Novita", 1, true))
    assert.is_false(is_up(url))
  end)

  it("has the same address for the next command, and another while that is taken", function()
    local port = machine.free_port()
    local function urls(words)
      local pipe = io.popen("NOVITA_SIM_PORT=" .. port .. " " .. words .. " 2>/dev/null")
      local text = pipe:read("*a")
      pipe:close()
      return text
    end
    local with, show = "spec/support/with-simulator ", "sh -c 'echo $NOVITA_BASE_URL'"
    local url = ("http://127.0.0.1:%d/openai/v1\n"):format(port)
    assert.are.same({ url, url }, { urls(with .. show), urls(with .. show) })
    assert.is_truthy(urls(with .. with .. show):find("^http://127.0.0.1:%d+/openai/v1\n$"))
    assert.are_not.equal(url, urls(with .. with .. show))
  end)

  it("says what it needs where it can't start", function()
    local pipe = io.popen("NOVITA_SIM_LUA=no-such-lua spec/support/with-simulator true 2>&1; "
      .. "echo $?")
    assert.is_truthy(pipe:read("*a"):find("it needs [^\n]*lua%-cqueues[^\n]*\n1\n$"))
    pipe:close()
  end)

  it("says what it does not understand", function()
    local pipe = io.popen("lua5.4 spec/support/simulator.lua --nonsense 2>&1")
    assert.is_truthy(pipe:read("*a"):find("nonsense", 1, true))
    pipe:close()
    assert.has_error(function() sim:script("x") end)
  end)

  it("serves a thousand connections at once", function()
    local wires = {}
    for index = 1, 1000 do wires[index] = raw.connect(sim.url) end
    sim:always { delay_body = 0.05 }
    for _, wire in ipairs(wires) do
      wire:send { path = "/chat/completions",
        body = cjson.encode { model = "simulator/count-2", messages = ask.user("x") } }
    end
    for _, wire in ipairs(wires) do
      assert.are.equal(200, wire:read().status)
      wire:close()
    end
    assert.are.equal(1000, #sim:journal())
  end)
end)
