-- The progress of a run in the command, and its end.

local command = require("spec.support.command")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

describe("novita run", function()
  local sim = simulator.shared()
  local home, variables

  before_each(function()
    sim:reset()
    home = command.home()
    variables = command.variables(sim)
    files.write(home.path .. "/greet.lua", [[
      return function(run, trigger)
        local reply = run:chat("greet", { message = "Hello " .. trigger.name })
        run:each("more", { "x", "y" }, { message = "{{item}}" })
        return reply:text()
      end]])
  end)
  after_each(function() home:remove() end)

  it("ends with 3 where the run pauses, and says how it goes on", function()
    sim:script { { match = '"y"', status = 400 } }
    local run = home:run("run greet.lua -p name=Ada", variables)
    assert.are.same({ 3, "" }, { run.status, run.out })
    local id = run.err:match("^novita: run (%x+) is paused at more: bad_request ")
    assert.is_string(id, run.err)
    assert.is_truthy(run.err:find("novita runs retry " .. id .. " goes on from there\n", 1, true))
    assert.are.same({ status = 0, out = "Hello Ada\n", err = "" },
      home:run("runs retry " .. id, variables))
    assert.are.equal(4, #sim:journal())
  end)

  it("shows each step at a terminal", function()
    local terminal = home:terminal("run greet.lua -p name=Ada", variables)
    assert.are.equal(0, terminal:finish())
    assert.is_truthy(terminal.shown:find("greet +done +%d+%.%d+ s"), terminal.shown)
    assert.is_truthy(terminal.shown:find("more%[2%] +done"), terminal.shown)
  end)

  it("lets the steps in flight end after Ctrl-C", function()
    sim:script { { match = "Hello", delay = 0.5 } }
    local terminal = home:terminal("run greet.lua -p name=Ada", variables)
    sim:wait_for(function(entries) return entries[1] end)
    terminal:type("\3")
    assert.are.equal(130, terminal:finish())
    assert.is_truthy(terminal.shown:find("is paused at %(stopped%): cancelled: interrupted"),
      terminal.shown)
    assert.are.equal(1, #sim:journal())
  end)
end)
