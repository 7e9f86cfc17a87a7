-- novita run: a workflow from the command line.

local core = require("novita.core")

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

  it("starts a run with a trigger, and prints what the flow returns", function()
    assert.are.same({ status = 0, out = "Hello Ada\n", err = "" },
      home:run("run greet.lua -p name=Ada", variables))
    assert.are.equal(3, #sim:journal())
  end)

  it("has the trigger from the command line, a file, or standard input", function()
    files.write(home.path .. "/ada.json", '{"name":"Ada","n":1}')
    for words, name in pairs {
      ["--trigger @ada.json"] = "Ada", ["--trigger '{\"name\":\"Bob\"}'"] = "Bob",
      ["--trigger - "] = "Eve", ["--trigger @ada.json -p name=Max"] = "Max",
    } do
      local run = home:run("run greet.lua " .. words, variables, '{"name":"Eve"}')
      assert.are.same({ 0, "Hello " .. name .. "\n" }, { run.status, run.out }, run.err)
    end
    local run = home:run("run greet.lua --trigger '{'", variables)
    assert.are.equal(2, run.status)
    assert.is_truthy(run.err:find("^novita: config: %-%-trigger: "), run.err)
  end)

  it("shows what would be asked, and needs no key for it", function()
    variables.NOVITA_API_KEY = nil
    local run = home:run("run greet.lua -p name=Ada --dry-run", variables)
    assert.are.equal(0, run.status, run.err)
    assert.is_truthy(run.out:find('^greet\tchat\t{"messages":%[{"content":"Hello Ada"'), run.out)
    assert.is_truthy(run.out:find("more[2]\tchat\t", 1, true), run.out)
    assert.are.equal("novita: the rest depends on the answer of greet\n", run.err)
    run = home:run("run greet.lua -p name=Ada --dry-run --json", variables)
    assert.are.equal("greet", core.decode(run.out).waits_for)
    assert.are.equal(0, #sim:journal())
  end)
end)
