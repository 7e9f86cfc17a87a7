-- Signals: Ctrl-C ends a call that blocks, and a server that hangs up ends no program. What a debug
-- hook raises is treated like Ctrl-C, which is one.

local core = require("novita.core")
local novita = require("novita")

local child = require("spec.support.child")
local native = require("spec.support.native")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local FOREVER = 30

local sim

setup(function() sim = simulator.start { tls = true } end)
teardown(function() sim:stop() end)
before_each(function() sim:reset() end)

-- A program of a real interpreter; `ask(options)` there is a call, by the way of the name.
local function program(way, code)
  return ([[
    local native = require("spec.support.native")
    local core, novita = require("novita.core"), require("novita")
    local client = novita.new { retry = "none" }
    local ways = {
      core = core.chat, novita = function(...) return client:chat(...) end,
    }
    local function ask(options)
      local all = { base_url = os.getenv("SIM"), ca_file = os.getenv("CA"), api_key = "sk_spec" }
      for name, value in pairs(options or {}) do all[name] = value end
      return ways[%q]({ model = %q, message = "Hello" .. (os.getenv("MORE") or "") }, all)
    end
  ]]):format(way, wire.model) .. code
end

local function first_entry(server)
  return assert(server:wait_for(function(entries) return entries[1] end))
end

local function aborted(server)
  return server:wait_for(function(entries) return entries[1].aborted end)
end

for _, way in ipairs { "core", "novita" } do
  describe("Ctrl-C in " .. way .. ".chat", function()
    -- Sends SIGINT while the server thinks. Returns the output and how the program ended.
    local function interrupt(code)
      local process = child.start(program(way, code), { SIM = sim.url })
      first_entry(sim)
      process:sleeps()
      native.kill(process.pid, "INT")
      local seconds = wire.took(function() assert.is_true(aborted(sim)) end)
      assert.is_true(seconds < wire.slack, seconds) -- 0.2 s
      return process:finish()
    end

    it("ends the program, and the call with it", function()
      sim:script { { delay = FOREVER } }
      local output, how, number = interrupt("ask()")
      assert.are.same({ "exit", 1 }, { how, number })
      assert.is_truthy(output:find("interrupted!", 1, true), output)
    end)

    it("can be caught; the call is gone and the next one works", function()
      sim:script { { delay = FOREVER }, {} }
      local output, how, number = interrupt([[
        local ok, err = pcall(ask)
        print(ok, (tostring(err):gsub("^.*: ", "")))
        print(ask() ~= nil)
      ]])
      assert.are.same({ "false\tinterrupted!\ntrue\n", "exit", 0 }, { output, how, number })
      assert.are.equal(2, #sim:journal())
    end)

    it("ends a call whose body has begun", function()
      sim:script { { cut = 50, ending = "stall" } }
      local _, how, number = interrupt("ask()")
      assert.are.same({ "exit", 1 }, { how, number })
    end)
  end)

  describe("a server that hangs up does not end a program by SIGPIPE: " .. way, function()
    -- Runs calls under the default disposition, which ends a program that writes to a closed pipe.
    local function survives(code, environment)
      environment.MORE = ("x"):rep(100000)
      local output, how, number = child.run(program(way, [[
        native.default("PIPE")
        ]] .. code .. [[
        assert(native.disposition("PIPE") == "default")
        print("alive")
      ]]), environment)
      assert.are.same({ "alive\n", "exit", 0 }, { output, how, number })
    end

    for scheme, environment in pairs {
      http = function() return { SIM = sim.url } end,
      https = function() return { SIM = sim.tls_url, CA = sim.ca_file } end,
    } do
      it("inside a request, over " .. scheme, function()
        sim:always { early = true, raw = "", ending = "reset" }
        survives([[
          for _ = 1, 5 do assert(not ask { deadline = 5 }) end
        ]], environment())
      end)

      it("between two requests, over " .. scheme, function()
        sim:script { { silent_close = true }, { silent_close = "request" }, {} }
        survives([[
          for _ = 1, 3 do ask { deadline = 5 } end
        ]], environment())
      end)

      it("right after the handshake, over " .. scheme, function()
        local doors = {}
        for index = 1, 6 do doors[index] = { ending = index % 2 == 0 and "close" or "reset" } end
        sim:connections(doors)
        survives([[
          for _ = 1, 6 do assert(not ask { deadline = 5 }) end
        ]], environment())
      end)
    end
  end)
end

describe("a debug hook", function()
  after_each(function() debug.sethook() end)

  -- Calls fn from a hook, once, when the simulator has the request.
  local function when_waiting(fn)
    debug.sethook(function()
      if not sim:journal()[1] then return end
      debug.sethook()
      fn()
    end, "", 1)
  end

  for name, chat in pairs { ["core.chat"] = core.chat, ["novita.chat"] = novita.chat } do
    local function ask()
      return chat(wire.request, { base_url = sim.url, api_key = "sk_spec", deadline = 5 })
    end

    it("that raises ends " .. name .. " with its own value", function()
      sim:always { delay = FOREVER }
      local value = setmetatable({}, { __tostring = function() return "mine" end })
      when_waiting(function() error(value, 0) end)
      local ok, err = pcall(ask)
      assert.is_false(ok)
      assert.are.equal(value, err)
      assert.is_true(aborted(sim))
      sim:reset()
      assert.is_table(ask())
    end)

    it("may make a call of its own inside " .. name, function()
      sim:script { { delay = 0.15, match = "Hello" } }
      local inner
      when_waiting(function() inner = ask() end)
      local outer = ask()
      assert.is_table(outer)
      assert.is_table(inner)
      assert.are.equal(2, #sim:journal())
    end)

    it("that collects does not take the transfer away from " .. name, function()
      sim:script { { delay = 0.15 } }
      when_waiting(function()
        collectgarbage()
        collectgarbage()
      end)
      assert.is_table(ask())
    end)
  end
end)
