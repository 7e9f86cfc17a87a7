-- Runs of several processes: killed at any moment, on other versions of Lua, two at once.

local child = require("spec.support.child")
local flows = require("spec.support.flows")
local native = require("spec.support.native")
local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")

local KILLS = 6
local OTHER = rawget(_G, "jit") and { name = "5.4", program = "lua5.4" }
  or { name = "luajit", program = "luajit" }

-- Starts the run of the environment, or goes on with it; prints its id first.
local FLOW = [[
  local novita = require("novita")
  local function ask(text) return { model = "simulator/echo", message = text } end
  local flow = assert(novita.workflow("spec", function(run, trigger)
    print(run.id)
    io.stdout:flush()
    local a = run:chat("one", ask("first")):text()
    local list = run:each("many", { "a", "b", "c", "d" }, ask("{{item}}"), { concurrency = 2 })
    local text = {}
    for index, reply in ipairs(list) do text[index] = reply:text() end
    local b = run:chat("two", ask(a .. table.concat(text))):text()
    return run:chat("three", ask(b .. "!")):text()
  end, { store = os.getenv("STORE"), retry = "none" }))
  local id = os.getenv("RUN")
  local record, err
  if id then record, err = flow:retry(id) else record, err = flow:start { n = 1 } end
  print(record and record.status, record and record.result or err)
]]
local RESULT = "firstabcd!"
local STEPS = 7

local function start(id, more)
  local environment = {
    STORE = flows.address(), NOVITA_BASE_URL = simulator.shared().url, NOVITA_API_KEY = "sk_spec",
    RUN = id,
  }
  for name, value in pairs(more or {}) do environment[name] = value end
  return child.start(FLOW, environment)
end

for _, engine in ipairs(flows.engines) do
  describe("a run by several processes, by " .. engine.name, function()
    flows.with(engine)

    it("goes on in a new process where it failed at step 3: steps 1 and 2 send nothing", function()
      simulator.shared():script { { match = '"firstabcd"', status = 400 } }
      local output = start():finish()
      assert.is_truthy(output:find("\npaused\t"), output)
      local id = output:match("^%x+")
      simulator.shared():reset()
      output = start(id):finish()
      assert.is_truthy(output:find("\ndone\t" .. RESULT, 1, true), output)
      assert.same({ "firstabcd", "firstabcd!" }, flows.asked())
    end)

    it("is retried on the other Lua", function()
      simulator.shared():script { { match = '"firstabcd"', status = 400 } }
      local id = start():finish():match("^%x+")
      simulator.shared():reset()
      os.execute(("env -u MAKEFLAGS make -s module LUA=%s >/dev/null"):format(OTHER.name))
      local lua = os.getenv("NOVITA_LUA")
      native.setenv("NOVITA_LUA", OTHER.program)
      local output = start(id, { LUA_CPATH = "build/" .. OTHER.name .. "/?.so;;" }):finish()
      native.setenv("NOVITA_LUA", lua)
      assert.is_truthy(output:find("\ndone\t" .. RESULT, 1, true), output)
      assert.same({ "firstabcd", "firstabcd!" }, flows.asked())
    end)

    it("is one process's at a time", function()
      simulator.shared():script { { match = '"first"', delay = 1 } }
      local first = start()
      repeat poll.sleep(0.02) until simulator.shared():journal()[1]
      local store = flows.store()
      local id = assert(store:runs())[1].id
      assert.equal("running", store:run(id).status)
      local output = start(id):finish()
      assert.is_truthy(output:find("locked", 1, true), output)
      assert.is_truthy(first:finish():find("\ndone\t" .. RESULT, 1, true))
      assert.equal(STEPS, #flows.asked())
    end)

    it("loses nothing to a kill, and names what it may have paid for twice", function()
      simulator.shared():always { delay = 0.02 }
      local store, id, in_flight = flows.store(), nil, 0
      for _ = 1, KILLS do
        local process = start(id)
        poll.sleep(0.03 + 0.12 * math.random())
        native.kill(process.pid, "KILL")
        process:finish()
        local record = assert(store:runs())[1]
        if record and record.status ~= "done" then
          assert.is_truthy(("crashed queued"):find(record.status, 1, true), record.status)
          id = record.id
        end
      end
      local output = start(id):finish()
      local record = assert(store:runs())[1]
      assert.equal("done", record.status, output)
      assert.equal(RESULT, record.result)
      for _, entry in ipairs(store:run(record.id).log) do
        if entry.state == "lost" then in_flight = in_flight + 1 end
      end
      if #store:runs() == 1 then -- more, if one was killed before its id was known
        assert.is_true(#flows.asked() <= STEPS + in_flight)
      end
    end)
  end)
end
