-- novita run: a workflow from the command line.

local core = require("novita.core")

local cli = require("spec.support.cli")

local sim, novita = cli.sim, cli.novita

describe("novita run", function()
  cli.with(cli.greet)

  it("starts a run with a trigger, and prints what the flow returns", function()
    assert.are.same({ status = 0, out = "Hello Ada\n", err = "" },
      novita("run greet.lua -p name=Ada"))
    assert.are.equal(3, #sim:journal())
  end)

  it("has the trigger from the command line, a file, or standard input", function()
    cli.write("ada.json", '{"name":"Ada","n":1}')
    for words, name in pairs {
      ["--trigger @ada.json"] = "Ada", ["--trigger '{\"name\":\"Bob\"}'"] = "Bob",
      ["--trigger - "] = "Eve", ["--trigger @ada.json -p name=Max"] = "Max",
    } do
      local run = novita("run greet.lua " .. words, '{"name":"Eve"}')
      assert.are.same({ 0, "Hello " .. name .. "\n" }, { run.status, run.out }, run.err)
    end
    local run = novita("run greet.lua --trigger '{'")
    assert.are.equal(2, run.status)
    assert.is_truthy(run.err:find("^novita: config: %-%-trigger: "), run.err)
  end)

  it("shows what would be asked, and needs no key for it", function()
    cli.variables.NOVITA_API_KEY = nil
    local run = novita("run greet.lua -p name=Ada --dry-run")
    assert.are.equal(0, run.status, run.err)
    assert.is_truthy(run.out:find('^greet\tchat\t{"messages":%[{"content":"Hello Ada"'), run.out)
    assert.is_truthy(run.out:find("more[2]\tchat\t", 1, true), run.out)
    assert.are.equal("novita: the rest depends on the answer of greet\n", run.err)
    run = novita("run greet.lua -p name=Ada --dry-run --json")
    assert.are.equal("greet", core.decode(run.out).waits_for)
    cli.write("none.lua", "return function() end")
    run = novita("run none.lua --dry-run --json")
    assert.are.equal('{"complete":true,"steps":[],"tokens":0}\n', run.out)
    assert.are.equal(0, #sim:journal())
  end)
end)
