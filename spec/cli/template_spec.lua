-- novita template check.

local command = require("spec.support.command")
local files = require("spec.support.files")

describe("novita template check", function()
  local home

  before_each(function()
    home = command.home()
    files.write(home.path .. "/prompt.txt", "{{#items}}{{title}}, {{/items}}{{name}}\n")
    files.write(home.path .. "/row.json", '{"name":"Ann","items":[{"title":"a"},{"title":"b"}]}')
  end)
  after_each(function() home:remove() end)

  it("lists the variables", function()
    assert.are.same({ status = 0, out = "items\nitems.title\nname\n", err = "" },
      home:run("template check prompt.txt"))
    assert.are.equal('{"variables":["items","items.title","name"]}\n',
      home:run("template check prompt.txt --json").out)
    assert.are.equal("", home:run("template check -", nil, "no variable").out)
    assert.are.equal('{"variables":[]}\n',
      home:run("template check - --json", nil, "no variable").out)
  end)

  it("prints it filled in", function()
    assert.are.equal("a, b, Ann\n", home:run("template check prompt.txt --data row.json").out)
    assert.are.equal('{"text":"a, b, Ann\\n"}\n',
      home:run("template check prompt.txt --data row.json --json").out)
  end)

  it("says where the template is wrong, or what the data lacks", function()
    local run = home:run("template check -", nil, "a\n{{#b}}")
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.is_truthy(run.err:find("^novita: %-: line 2, column 1: "), run.err)
    run = home:run("template check prompt.txt --data -", nil, "{}")
    assert.are.same({ 1, "novita: prompt.txt: line 1, column 32: {{name}} is missing\n" },
      { run.status, run.err })
  end)
end)
