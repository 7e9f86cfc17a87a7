-- Out of descriptors: a call says so, and the next one works when there are some again.

local child = require("spec.support.child")
local talk = require("spec.support.client")

-- Runs code with `ask()`, one chat that prints what came of it, and `exhaust()`, which takes all
-- descriptors and returns a function that gives them back.
local function run(code)
  return (child.run([[
    local novita = require("novita")
    local function ask(client)
      local ok, reply, err = pcall(function()
        return (client or novita).chat(client or { model = "simulator/echo", message = "x" },
          client and { model = "simulator/echo", message = "x" } or nil)
      end)
      print(ok, ok and (reply and "answered" or err.kind), ok and err and not reply
        and tostring(err):find(err.kind, 1, true) == 1, ok or reply)
    end
    local function exhaust()
      local files = {}
      repeat
        local file = io.open("/dev/null")
        files[#files + 1] = file
      until not file
      return function() for _, file in ipairs(files) do file:close() end end
    end
  ]] .. code, { NOVITA_BASE_URL = talk.sim.url, NOVITA_API_KEY = talk.KEY }))
end

describe("a call without descriptors", function()
  it("that would load the C module is an error, not a raise", function()
    local output = run([[
      local release = exhaust()
      ask()
      release()
      ask()
    ]])
    assert.are.equal("true\tconfig\ttrue\ttrue\ntrue\tanswered\tfalse\ttrue\n", output)
  end)

  it("of the C module that would open its pool is an error, not a raise", function()
    local output = run([[
      local core = require("novita.core")
      local options = {
        base_url = os.getenv("NOVITA_BASE_URL"), api_key = os.getenv("NOVITA_API_KEY"),
      }
      local function try()
        for _, what in ipairs { core.pool, core.chat } do
          local value, err = what({ model = "simulator/echo", message = "x" }, options)
          print(type(value), value == nil and tostring(err) or nil)
        end
      end
      local release = exhaust()
      try()
      release()
      try()
    ]])
    local refused = "nil\tconfig: no connections can be made: Too many open files\n"
    assert.are.equal(refused .. refused .. "userdata\tnil\ntable\tnil\n", output)
  end)

  it("that would load the C module is an error of start and map too", function()
    local output = run([[
      local request = { model = "simulator/echo", message = "{{item}}" }
      local function try()
        local handle, err = novita.start(request, { on_done = function(r) print(r and "done") end },
          { vars = { item = "x" } })
        print(handle and "started" or err.kind)
        if handle then novita.run() end
        local results, summary = novita.map({ 1, 2 }, request)
        print(results and summary.ok or summary.kind)
      end
      local release = exhaust()
      try()
      release()
      try()
    ]])
    assert.are.equal("config\nconfig\nstarted\ndone\n2\n", output)
  end)

  it("that would open the first pool is told by start and map as other errors are", function()
    local output = run([[
      local client = novita.new()
      local request = { model = "simulator/echo", message = "x" }
      require("novita.loop").here()
      for name in ("stream run.background run.map template"):gmatch("%S+") do
        require("novita." .. name)
      end
      local release = exhaust()
      client:start(request, { on_done = function(reply, err) print(reply, err.kind) end })
      print(pcall(novita.run))
      local ok, results, summary = pcall(client.map, client, { 1, 2 }, request)
      print(ok, results[1], results[2], summary.errors[1].kind, summary.errors[2].kind)
      release()
      ask(client)
    ]])
    assert.are.equal("nil\tconfig\ntrue\ntrue\tfalse\tfalse\tconfig\tconfig\n"
      .. "true\tanswered\tfalse\ttrue\n", output)
  end)

  it("that would open the first pool is an error, not a raise", function()
    local output = run([[
      local client = novita.new()
      require("novita.loop").here()
      require("novita.stream")
      local release = exhaust()
      ask(client)
      release()
      ask(client)
    ]])
    assert.are.equal("true\tconfig\ttrue\ttrue\ntrue\tanswered\tfalse\ttrue\n", output)
  end)
end)
