-- The output of the command: data and text for people, at a terminal and elsewhere.

local cli = require("spec.support.cli")
local command = require("spec.support.command")

local output = require("spec.support.shell").output

local LUA = os.getenv("NOVITA_LUA") or "lua5.4"

describe("novita", function()
  local home

  before_each(function() home = command.home() end)
  after_each(function() home:remove() end)

  it("does not lose what can't be written", function()
    local said = output(("NOVITA_LUA=%s bin/novita completion bash 2>&1 >/dev/full; echo $?")
      :format(LUA))
    assert.are.equal("novita: standard output: No space left on device\n1\n", said)
  end)

  it("runs without any of the three descriptors", function()
    local template = "HOME=%s NOVITA_LUA=%s bin/novita config set model a %s; echo $? >%s/status"
    os.execute(template:format(home.path, LUA, "<&- >&- 2>&-", home.path))
    assert.are.equal("0\n", output("cat " .. home.path .. "/status"))
  end)

  it("colours what it says at a terminal, unless NO_COLOR is set", function()
    for variables, said in pairs {
      [{}] = "\27[31mnovita:\27[0m config: file: ", [{ NO_COLOR = "1" }] = "novita: config: file: ",
      [{ NO_COLOR = "" }] = "\27[31mnovita:\27[0m ", [{ TERM = "dumb" }] = "novita: config: file: ",
    } do
      local terminal = home:terminal("template check none.txt", variables)
      local status = terminal:finish()
      assert.are.same({ 2, said }, { status, terminal.shown:sub(1, #said) })
    end
    assert.are.equal("novita: config: file: none.txt: No such file or directory\n",
      home:run("template check none.txt").err)
  end)

  it("lets no text steer the terminal", function()
    require("spec.support.files").write(home.path .. "/t", "a\27[2Jb\7\194\155c{{x}}\n")
    require("spec.support.files").write(home.path .. "/d", '{"x":"\\u001b]0;title"}')
    local terminal = home:terminal("template check t --data d")
    assert.are.equal(0, terminal:finish())
    assert.are.equal("a[2Jbc]0;title\r\n", terminal.shown)
    assert.are.equal("a\27[2Jb\7\194\155c\27]0;title\n",
      home:run("template check t --data d").out)
  end)
end)

describe("novita, whose output is full or closed,", function()
  cli.with(function()
    cli.two_steps()
    cli.three_rows()
    cli.template()
  end)

  it("ends with 1 and says so, whatever it prints", function()
    local id = cli.novita("run flow.lua -p x=a --json").out:match('"id":"(%x+)"')
    assert.are.equal(0, cli.novita(cli.BATCH).status)
    assert.are.equal(0, cli.chat("Hi").status)
    for _, words in ipairs {
      "--version", "version", "--help", "help runs", "runs show --help", "completion zsh",
      "config --json", "config set model m --json", "keys path", "keys path --json",
      "template check prompt.txt", "template check prompt.txt --data row.json", "models",
      "models --json", "chat Hi", "chat --no-stream Hi", "chat --json Hi", "logs", "logs --json",
      cli.BATCH:gsub("run", "plan", 1), cli.BATCH .. " --json", "batch status out.db",
      "batch export out.db --json", "batch fetch out.db --json", "run flow.lua -p x=a",
      "run flow.lua -p x=a --json", "run flow.lua -p x=a --dry-run", "run flow.lua -p x=a --queue",
      "runs list", "runs list --json", "runs show " .. id, "runs show --html " .. id,
      "runs fork " .. id,
    } do
      for target, problem in pairs { [">/dev/full"] = "No space left on device",
        [">&-"] = "Bad file descriptor" } do
        local run = cli.novita(words .. " " .. target)
        assert.are.same({ 1, "novita: standard output: " .. problem .. "\n" },
          { run.status, run.err:match("[^\n]*\n$") }, words .. target)
        assert.is_nil(run.err:find("traceback", 1, true), run.err)
      end
    end
  end)

  it("ends as ever where it prints nothing", function()
    for _, words in ipairs { "config set model m", cli.BATCH, "runs list --status running" } do
      for _, target in ipairs { ">/dev/full", ">&-", "<&- >&- 2>&-" } do
        assert.are.equal(0, cli.novita(words .. " " .. target).status, words .. target)
      end
    end
  end)
end)
