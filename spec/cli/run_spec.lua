-- novita run: a workflow from the command line.
-- Covers: lua/novita/cli/flow_file.lua lua/novita/cli/running.lua

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

  it("runs lists of steps, also from JSON, and files with a name and options", function()
    files.write(home.path .. "/steps.json",
      '[{"name":"a","chat":{"message":"{{trigger.name}}!"}}]')
    files.write(home.path .. "/whole.lua", [[
      return { name = "whole", store = "mine.db", retry = "none", flow = {
        { name = "a", run = function(input) return { said = input } end,
          input = "{{trigger.name}}" },
      } }]])
    assert.are.equal("Ada!\n", home:run("run steps.json -p name=Ada", variables).out)
    assert.are.equal('{"said":"Ada"}\n', home:run("run whole.lua -p name=Ada", variables).out)
    local record = core.decode(home:run("runs list --store mine.db --json", variables).out)
    assert.are.same({ "whole", "done" }, { record.flow, record.status })
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

  it("ends with 2 for a file that is no flow", function()
    for name, text in pairs {
      ["no.lua"] = "return 5", ["syntax.lua"] = "return return",
      ["raises.lua"] = "error('no luck')",
      ["option.lua"] = "return { flow = function() end, stroe = 1 }",
      ["steps.json"] = '[{"name":"a","chat":{"message":"{{foo}}"}}]', ["bad.json"] = "[",
    } do
      files.write(home.path .. "/" .. name, text)
      local run = home:run("run " .. name, variables)
      assert.are.same({ 2, "" }, { run.status, run.out }, name)
      assert.is_truthy(run.err:find("^novita: config: "), run.err)
    end
    assert.are.equal(2, home:run("run nowhere.lua", variables).status)
  end)
end)
