-- Files that a command line names.

local cli = require("spec.support.cli")

describe("novita template check", function()
  cli.with(cli.template)

  it("ends with 2 where a file can't be read", function()
    for words, said in pairs {
      ["none.txt"] = "novita: config: file: none.txt: No such file or directory\n",
      ["."] = "novita: config: file: .: Is a directory\n",
      ["prompt.txt --data prompt.txt"] = "novita: config: prompt.txt: ",
    } do
      local run = cli.home:run("template check " .. words)
      assert.are.same({ 2, said }, { run.status, run.err:sub(1, #said) })
    end
  end)
end)

describe("novita run", function()
  cli.with()

  local STEPS = '{name="a",run=function(input) return input end,input="{{trigger.x}}"}'
  local JSON = '[{"name":"a","chat":{"message":"{{trigger.x}}"}}]'

  it("reads a file as Lua itself does, and JSON by its name in small or capital letters", function()
    for name, text in pairs {
      ["script.lua"] = "#!/usr/bin/env novita run\nreturn {" .. STEPS .. "}",
      ["comment.lua"] = "# of no program\nreturn {" .. STEPS .. "}",
      ["mark.lua"] = "\239\187\191return {" .. STEPS .. "}",
      ["both.lua"] = "\239\187\191#!/usr/bin/lua\r\nreturn {" .. STEPS .. "}",
      ["CAPITALS.LUA"] = "return {" .. STEPS .. "}",
      ["CAPITALS.JSON"] = JSON, ["mark.Json"] = "\239\187\191" .. JSON,
    } do
      cli.write(name, text)
      local run = cli.novita("run " .. name .. " -p x=y")
      assert.are.same({ status = 0, out = "y\n", err = "" }, run, name)
    end
  end)

  it("counts a first line that Lua skips", function()
    cli.write("wrong.lua", "#!/usr/bin/lua\nreturn return\n")
    local run = cli.novita("run wrong.lua")
    assert.are.equal(2, run.status)
    assert.is_truthy(run.err:find("wrong.lua:2: ", 1, true), run.err)
    cli.write("line.lua", "#")
    assert.is_truthy(cli.novita("run line.lua").err:find("line.lua: expected a function", 1, true))
  end)
end)

describe("novita batch", function()
  cli.with(cli.three_rows)

  it("knows a description by its name in capital letters, too", function()
    cli.write("B.LUA", "#!lua\nreturn { input = 'rows.jsonl', output = 'out.jsonl', "
      .. "request = { message = '{{row.text}}' } }")
    cli.write("B.JSON", '{"input":"rows.jsonl","output":"other.jsonl",'
      .. '"request":{"message":"{{row.text}}"}}')
    assert.are.equal(0, cli.novita("batch run B.LUA").status)
    assert.are.equal(0, cli.novita("batch run B.JSON").status)
    assert.are.equal("row 2", cli.output("other.jsonl")[2].response.body.choices[1].message.content)
    os.rename(cli.home.path .. "/out.db", cli.home.path .. "/OUT.DB")
    assert.are.equal(0, cli.novita("batch status OUT.DB").status)
  end)

  it("names a description in capital letters whose function raises", function()
    cli.write("B.LUA", "return { input = 'rows.jsonl', request = { message = 'Hi' }, "
      .. "check = function() error('no luck') end }")
    local run = cli.novita("batch run B.LUA")
    assert.are.equal(1, run.status)
    assert.is_truthy(run.err:find("novita: B.LUA: a function raised: ", 1, true), run.err)
  end)
end)
