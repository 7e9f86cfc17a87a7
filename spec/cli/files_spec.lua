-- Files that a command line names.

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

  it("ends with 2 where a file can't be read", function()
    for words, said in pairs {
      ["none.txt"] = "novita: config: file: none.txt: No such file or directory\n",
      ["."] = "novita: config: file: .: Is a directory\n",
      ["prompt.txt --data prompt.txt"] = "novita: config: prompt.txt: ",
    } do
      local run = home:run("template check " .. words)
      assert.are.same({ 2, said }, { run.status, run.err:sub(1, #said) })
    end
  end)
end)
