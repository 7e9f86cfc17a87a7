-- The files of flows that novita run takes.

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
