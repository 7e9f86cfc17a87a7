-- Completion, tried in the shells that are there.

local command = require("spec.support.command")

local output = require("spec.support.shell").output

describe("novita completion", function()
  local home

  before_each(function() home = command.home() end)
  after_each(function() home:remove() end)

  it("completes in bash", function()
    local script = home.path .. "/script"
    require("spec.support.files").write(script, home:run("completion bash").out)
    local function complete(...)
      local words = { ... }
      for index, word in ipairs(words) do words[index] = "'" .. word .. "'" end
      return output(("bash -c '. %s; COMP_WORDS=(%s); COMP_CWORD=%d; %s; echo ${COMPREPLY[@]}'")
        :format(script, table.concat(words, " "):gsub("'", '"'), #words - 1,
          "$(complete -p novita | sed \"s/.*-F \\([^ ]*\\) .*/\\1/\")"))
    end
    assert.are.equal("completion\n", complete("novita", "comp"))
    assert.are.equal("path\n", complete("novita", "keys", "p"))
    assert.are.equal("--data\n", complete("novita", "template", "check", "--d"))
  end)

  for _, shell in ipairs { "bash", "zsh", "fish" } do
    it("has each command and option in the script for " .. shell, function()
      local script = home:run("completion " .. shell).out
      local function check(described)
        assert.is_truthy(script:find(described.name, 1, true), described.name)
        for _, below in ipairs(described.commands or {}) do check(below) end
      end
      for _, described in ipairs(require("novita.cli").commands()) do check(described) end
      assert.is_truthy(script:find(shell == "fish" and "-l data" or "--data", 1, true))
      if output("command -v " .. shell) ~= "" then
        require("spec.support.files").write(home.path .. "/script", script)
        assert.are.equal("", output(("%s -n %s/script 2>&1"):format(shell, home.path)))
      end
    end)
  end
end)
