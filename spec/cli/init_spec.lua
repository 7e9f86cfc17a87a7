-- The command as a whole: how it is started, what it says, how it ends.
-- Covers: lua/novita/cli/parser.lua lua/novita/cli/console.lua

local command = require("spec.support.command")

local output = require("spec.support.child").output

local LUA = os.getenv("NOVITA_LUA") or "lua5.4"

describe("novita", function()
  local home

  before_each(function() home = command.home() end)
  after_each(function() home:remove() end)

  it("has a version, and help with examples for each command", function()
    local version = require("novita").version
    assert.are.same({ status = 0, out = "novita " .. version .. "\n", err = "" },
      home:run("--version"))
    local help = home:run("--help").out
    for _, example in ipairs(require("novita.cli.parser").EXAMPLES) do
      assert.is_truthy(help:find("\n   " .. example[1] .. "\n", 1, true), help)
    end
    for _, described in ipairs(require("novita.cli").commands()) do
      assert.is_truthy(help:find("\n   " .. described.name .. " ", 1, true), help)
      local function check(words, one)
        local own = home:run(words .. " --help")
        assert.are.equal(0, own.status)
        for _, example in ipairs(one.examples) do
          assert.is_truthy(own.out:find("\n   " .. example[1] .. "\n", 1, true), own.out)
        end
        for line in own.out:gmatch("[^\n]+") do assert.is_true(#line < 80, line) end
        for _, below in ipairs(one.commands or {}) do check(words .. " " .. below.name, below) end
      end
      check(described.name, described)
    end
  end)

  it("ends with 2 where the command line is wrong, and says how it should be", function()
    for words, said in pairs {
      [""] = "Usage: novita [-h] [--version] <command> ...\n\nnovita: a command is required",
      ["cat"] = "unknown command 'cat'", ["config --jason"] = "Did you mean '--json'?",
      ["keys"] = "a command is required\nnovita keys --help has more\n",
      ["batch plan a.csv --budget x"] = 'novita: --budget: expected a number, got "x"\n',
      ["logs -n x"] = 'novita: --count: expected a number of exchanges, got "x"\n',
      ["config set colour red"] = "must be one of 'model', 'base_url', 'logs'",
    } do
      local run = home:run(words)
      assert.are.same({ 2, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find(said, 1, true), run.err)
    end
  end)

  it("has its help also by the word help, and its version by the word version", function()
    for words, same in pairs {
      ["help"] = "--help", ["help batch"] = "batch --help", ["batch help"] = "batch --help",
      ["help batch run"] = "batch run --help", ["batch help run"] = "batch run --help",
      ["version"] = "--version",
    } do
      assert.are.same(home:run(same), home:run(words))
    end
    assert.is_truthy(home:run("help modles").err:find("Did you mean 'models'?", 1, true))
  end)

  it("names the option and the number that is wrong for it", function()
    local function check(named, options)
      for words, said in pairs(options) do
        local run = home:run(named .. " " .. words)
        assert.are.same({ 2, "" }, { run.status, run.out })
        assert.is_truthy(run.err:find("novita: " .. said .. "\n", 1, true), run.err)
      end
    end
    check("batch run a.csv", {
      ["--budget -1"] = '--budget: expected a number >= 0, got "-1"',
      ["--budget=-.5"] = '--budget: expected a number >= 0, got "-.5"',
      ["--budget-tokens 1.5"] = '--budget-tokens: expected an integer >= 0, got "1.5"',
      ["--concurrency 0"] = '--concurrency: expected an integer >= 1, got "0"',
      ["--rpm -3"] = '--rpm: expected an integer >= 1, got "-3"',
      ["--tpm 0.5"] = '--tpm: expected an integer >= 1, got "0.5"',
      ["--max-failures 1.5"] = "--max-failures: expected a count of rows, or a share below 1, got "
        .. '"1.5"',
      ["--lease 0"] = '--lease: expected a number >= 1, got "0"',
      ["--lease ''"] = '--lease: expected a number, got ""',
    })
    check("batch fetch a.db", {
      ["--interval -1"] = '--interval: expected a number >= 0, got "-1"',
    })
    check("logs", {
      ["-n 1e300"] = '--count: expected a number of exchanges, got "1e300"',
      ["-n -2"] = '--count: expected a number of exchanges, got "-2"',
    })
    check("runs list", { ["-n 0"] = '--count: expected an integer >= 1, got "0"' })
  end)

  it("says in one line what is missing to run it", function()
    local folder = home.path .. "/modules" -- all that there is but argparse
    os.execute("mkdir -p " .. folder .. " && ln -s $PWD/lua/novita " .. folder)
    local run = home:run("--version", { LUA_PATH = folder .. "/?.lua;" .. folder .. "/?/init.lua" })
    assert.are.same({ status = 2, out = "", err = "novita: the command needs argparse: "
      .. "apt-get install lua-argparse, or: luarocks install argparse\n" }, run)
    assert.are.equal("", output("grep -rl argparse lua/novita | grep -v /cli/"))
  end)

  it("needs no variable to find its modules, also where a link names it", function()
    local built = os.getenv("LUA_CPATH"):match("^[^;]+"):gsub("%?", "novita/core")
    local name = rawget(_G, "jit") and "luajit" or _VERSION:match("%d.%d")
    assert(os.execute(([[cd %s && mkdir made && cp -r %s/bin %s/lua %s/Makefile made &&
      rm -f made/lua/novita/*.so && cp %s made/lua/novita/core-%s.so && ln -s made/bin/novita n]])
      :format(home.path, "$OLDPWD", "$OLDPWD", "$OLDPWD", built, name)))
    for _, named in ipairs { "NOVITA_LUA=" .. LUA, "-u NOVITA_LUA" } do
      assert.are.equal("novita " .. require("novita").version .. "\n", output(
        ("cd / && env -u LUA_PATH -u LUA_CPATH %s %s/n --version"):format(named, home.path)))
    end
  end)

  it("says that there is no Lua to run on", function()
    local said = output("NOVITA_LUA=lua0.1 bin/novita --version 2>&1; echo $?")
    assert.are.equal("novita: no Lua to run on: install lua5.4, or run make in the checkout\n2\n",
      said)
  end)

  it("says that this Lua does not have its modules", function()
    os.execute(("mkdir %s/bin && cp bin/novita %s/bin"):format(home.path, home.path))
    local said = output(("LUA_PATH=/none/?.lua NOVITA_LUA=%s %s/bin/novita --version 2>&1; echo $?")
      :format(LUA, home.path))
    assert.are.equal("novita: its modules for " .. _VERSION .. " are not found; NOVITA_LUA names "
      .. "another Lua\n2\n", said)
  end)

  it("does not lose what can't be written", function()
    local said = output(("NOVITA_LUA=%s bin/novita completion bash 2>&1 >/dev/full; echo $?")
      :format(LUA))
    assert.are.equal("novita: standard output: No space left on device\n1\n", said)
  end)

  it("runs without any of the three descriptors", function()
    local template = "HOME=%s NOVITA_LUA=%s bin/novita keys path %s; echo $? >%s/status"
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
