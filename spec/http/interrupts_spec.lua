-- SIGINT, SIGTERM and SIGHUP that only count while a watch is open: signals sent to programs of
-- a real interpreter, and what is left of the handlers afterwards.

local core = require("novita.core")

local child = require("spec.support.child")
local interrupts = require("spec.support.interrupts")
local native = require("spec.support.native")
local simulator = require("spec.support.simulator_client")

local sim = simulator.shared()

-- Starts a program and sends it these signals once the server has its requests, each when the
-- program has printed a line on the one before and sleeps again. Returns the output and how the
-- program ended.
local function interrupt(requests, signals, code)
  local process = child.start(interrupts.program(code))
  assert(sim:wait_for(function(entries) return #entries >= requests end))
  for index, signal in ipairs(signals) do
    process:sleeps()
    native.kill(process.pid, signal)
    process:prints(index)
  end
  return process:finish()
end

before_each(function() sim:reset() end)

describe("a watch of interrupts", function()
  it("counts signals of each kind; a poll that waits returns at once", function()
    sim:always { delay = 30 }
    local output, how, number = interrupt(1, { "INT", "TERM", "HUP" }, [[
      local watch, pool = core.interrupts(), core.pool()
      local transfer = assert(pool:chat(request, options))
      local last, longest = 0, 0
      while last < 3 do
        local since = core.now()
        pool:poll(10)
        longest = math.max(longest, core.now() - since)
        local count = watch:count()
        if count > last then say(count) end
        last = count
      end
      print(longest < 5, transfer:reply())
    ]])
    assert.are.same({ "1\n2\n3\ntrue\n", "exit", 0 }, { output, how, number })
  end)

  it("lets a program with tasks end them all", function()
    sim:always { delay = 0.2 }
    local output, how, number = interrupt(10, { "INT", "INT" }, [[
      local novita = require("novita")
      local client, watch, whole = novita.new(options), core.interrupts(), 0
      local sleep = require("novita.loop.poll").sleep
      novita.spawn(function()
        for count = 1, 2 do
          while watch:count() < count do sleep(0.01) end
          say(count)
        end
      end)
      for _ = 1, 10 do
        novita.spawn(function()
          if client:chat(request) then whole = whole + 1 end
        end)
      end
      novita.run()
      print(whole, watch:count())
    ]])
    assert.are.same({ "1\n2\n10\t2\n", "exit", 0 }, { output, how, number })
  end)

  for name, close in pairs {
    ["when it is closed"] = "watch:close() watch:close()",
    ["when it is collected"] = "watch = nil collectgarbage() collectgarbage()",
  } do
    it("gives both handlers back " .. name, function()
      interrupts.prints("handled handled\nhandled default\n", [[
        local watch = core.interrupts()
        print(native.disposition("INT") .. " " .. native.disposition("TERM"))
        ]] .. close .. [[
        print(native.disposition("INT") .. " " .. native.disposition("TERM"))
      ]])
      local ending = "core.interrupts():close() " -- what follows is that of a fresh interpreter
      local output, how, number = child.run(interrupts.program(ending .. "native.kill(pid, 'INT')"))
      assert.are.same({ "exit", 1 }, { how, number })
      assert.is_truthy(output:find("interrupted!", 1, true), output)
      output, how, number = child.run(interrupts.program(ending .. "native.kill(pid, 'TERM')"))
      assert.are.same({ "", "signal", 15 }, { output, how, number })
    end)
  end

  it("counts the hangups of a terminal once", function()
    interrupts.prints("1\n2\n1\nhandled\ndefault\n", [[
      local watch = core.interrupts()
      native.kill(pid, "HUP") native.kill(pid, "HUP")
      print(watch:count())
      native.kill(pid, "TERM")
      print(watch:count())
      watch:close()
      watch = core.interrupts()
      native.kill(pid, "HUP")
      print(watch:count())
      print(native.disposition("HUP"))
      watch:close()
      print(native.disposition("HUP"))
    ]])
  end)

  it("leaves ignored signals, and handlers that were installed meanwhile", function()
    interrupts.prints("ignored\nignored\nhandled\ndefault\n", [[
      native.ignore("TERM")
      local watch = core.interrupts()
      print(native.disposition("TERM"))
      watch:close()
      print(native.disposition("TERM"))
      watch = core.interrupts()
      print(native.disposition("INT"))
      native.default("INT")
      watch:close()
      print(native.disposition("INT"))
    ]])
  end)

  it("is another one in a child of fork", function()
    local watch = core.interrupts()
    local result = child.fork(function()
      native.kill(native.pid(), "INT")
      local count = watch:count()
      watch:close()
      return count .. " " .. native.disposition("TERM")
    end)
    assert.are.equal("1 default", result)
    assert.are.equal(0, watch:count())
    assert.are.equal("handled", native.disposition("TERM"))
    watch:close()
  end)
end)
