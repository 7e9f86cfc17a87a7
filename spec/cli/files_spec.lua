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
