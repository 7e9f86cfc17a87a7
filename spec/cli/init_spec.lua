-- The command as a whole: how it is started, what it says, how it ends.

local command = require("spec.support.command")

local output = require("spec.support.shell").output

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
end)
