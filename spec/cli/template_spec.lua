-- novita template check.

local cli = require("spec.support.cli")

describe("novita template check", function()
  cli.with(cli.template)

  it("lists the variables", function()
    assert.are.same({ status = 0, out = "items\nitems.title\nname\n", err = "" },
      cli.home:run("template check prompt.txt"))
    assert.are.equal('{"variables":["items","items.title","name"]}\n',
      cli.home:run("template check prompt.txt --json").out)
    assert.are.equal("", cli.home:run("template check -", nil, "no variable").out)
    assert.are.equal('{"variables":[]}\n',
      cli.home:run("template check - --json", nil, "no variable").out)
  end)

  it("prints it filled in", function()
    assert.are.equal("a, b, Ann\n", cli.home:run("template check prompt.txt --data row.json").out)
    assert.are.equal('{"text":"a, b, Ann\\n"}\n',
      cli.home:run("template check prompt.txt --data row.json --json").out)
  end)

  it("says where the template is wrong, or what the data lacks", function()
    local run = cli.home:run("template check -", nil, "a\n{{#b}}")
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.is_truthy(run.err:find("^novita: %-: line 2, column 1: "), run.err)
    run = cli.home:run("template check prompt.txt --data -", nil, "{}")
    assert.are.same({ 1, "novita: prompt.txt: line 1, column 32: {{name}} is missing\n" },
      { run.status, run.err })
  end)
end)
