-- The files of flows that novita run takes.

local core = require("novita.core")

local cli = require("spec.support.cli")

local novita = cli.novita

describe("novita run", function()
  cli.with(cli.greet)

  it("runs lists of steps, also from JSON, and files with a name and options", function()
    cli.write("steps.json", '[{"name":"a","chat":{"message":"{{trigger.name}}!"}}]')
    cli.write("whole.lua", [[
      return { name = "whole", store = "mine.db", retry = "none", flow = {
        { name = "a", run = function(input) return { said = input } end,
          input = "{{trigger.name}}" },
      } }]])
    assert.are.equal("Ada!\n", novita("run steps.json -p name=Ada").out)
    assert.are.equal('{"said":"Ada"}\n', novita("run whole.lua -p name=Ada").out)
    local record = core.decode(novita("runs list --store mine.db --json").out)
    assert.are.same({ "whole", "done" }, { record.flow, record.status })
  end)

  it("ends with 2 for a file that is no flow", function()
    for name, text in pairs {
      ["no.lua"] = "return 5", ["syntax.lua"] = "return return",
      ["raises.lua"] = "error('no luck')",
      ["option.lua"] = "return { flow = function() end, stroe = 1 }",
      ["steps.json"] = '[{"name":"a","chat":{"message":"{{foo}}"}}]', ["bad.json"] = "[",
    } do
      cli.write(name, text)
      local run = novita("run " .. name)
      assert.are.same({ 2, "" }, { run.status, run.out }, name)
      assert.is_truthy(run.err:find("^novita: config: "), run.err)
    end
    assert.are.equal(2, novita("run nowhere.lua").status)
  end)
end)
