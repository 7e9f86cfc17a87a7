-- How the C module is found, and what is said when it can't be.

local child = require("spec.support.child")
local files = require("spec.support.files")
local loader = require("spec.support.loader")

local FOLDER, CPATH = loader.FOLDER, loader.CPATH
local run = loader.run
local MODULE = CPATH:match("^[^;]+"):gsub("%?", "novita/core")
local THIS = rawget(_G, "jit") and "LuaJIT" or _VERSION
local LUA = rawget(_G, "jit") and "luajit" or _VERSION:match("%d.%d")
local MAKE = "make LUA=" .. LUA
local BESIDE = FOLDER .. "/lua/novita/core-" .. LUA .. ".so"

local function copy(from, to) files.write(to, files.read(from)) end

local LOAD = "require('novita') print(pcall(require, 'novita.core'))"

describe("the C module", function()
  loader.with()

  it("is found on package.cpath", function()
    assert.are.equal("true\ttable", run(LOAD, CPATH):sub(1, 10))
  end)

  it("is found next to the Lua files", function()
    copy(MODULE, BESIDE)
    assert.are.equal("true\ttable", run(LOAD):sub(1, 10))
  end)

  it("is found next to the Lua files among those of other Luas", function()
    for _, other in ipairs { "5.1", "5.2", "5.3", "5.4", "luajit" } do
      files.write(FOLDER .. "/lua/novita/core-" .. other .. ".so", "not for this Lua")
    end
    copy(MODULE, BESIDE)
    assert.are.equal("true\ttable", run(LOAD):sub(1, 10))
  end)

  it("is found where it is installed with the Lua files, whatever the cpath", function()
    local version = _VERSION:match("%d.%d")
    local share, lib = FOLDER .. "/share/lua/" .. version, FOLDER .. "/lib/lua/" .. version
    os.execute(("mkdir -p %s %s/novita && cp -r lua/novita %s"):format(share, lib, share))
    os.execute("rm -f " .. share .. "/novita/core*.so")
    copy(MODULE, lib .. "/novita/core.so")
    local output = child.run(LOAD, { LUA_CPATH = "/nonexistent/?.so;;",
      LUA_PATH = share .. "/?.lua;" .. share .. "/?/init.lua;;" })
    assert.are.equal("true\ttable", output:sub(1, 10))
  end)

  it("on package.cpath goes before one next to the Lua files", function()
    files.write(BESIDE, "not a library")
    assert.are.equal("true\ttable", run(LOAD, CPATH):sub(1, 10))
  end)

  it("that is not there asks to be built, in a checkout", function()
    os.execute(("mkdir -p %s/src/lua && touch %s/src/lua/core.c"):format(FOLDER, FOLDER))
    assert.are.equal(("false\tnovita: the C module is not built for %s; run: %s in %s/\n")
      :format(THIS, MAKE, FOLDER), run(LOAD))
  end)

  it("that is not there says where it was looked for, elsewhere", function()
    local output = run(LOAD, "/nonexistent/?.so;" .. FOLDER .. "/?/none.so")
    for _, part in ipairs { "false\tnovita: the C module for " .. THIS .. " is at none of: ",
      "/nonexistent/novita/core.so", FOLDER .. "/novita/core/none.so", BESIDE, "LUA_CPATH" } do
      assert.is_truthy(output:find(part, 1, true), output)
    end
    assert.is_nil(output:find("build it", 1, true))
  end)

  -- Lua 5.1 and LuaJIT remember that loading failed, but not why.
  it("that can't be loaded gives the same reason at each call, then is found once built", function()
    local output = run(([[
      local novita = require("novita")
      local request = { model = "m", message = "x" }
      for _ = 1, 2 do print(select(2, pcall(novita.chat, request))) end
      for _ = 1, 2 do print(select(2, pcall(novita.spawn, print))) end
      print(select(2, pcall(require, "novita.core")))
      os.execute("cp %s %s")
      print(type(require("novita.core")), tostring(novita.new { api_key = "sk_spec" } ~= nil))
    ]]):format(MODULE, BESIDE))
    local lines = {}
    for line in output:gmatch("[^\n]+") do
      lines[#lines + 1] = line:gsub("^.-novita: the C module for .+ is at none of: .+$", "reason")
    end
    assert.are.same({ "reason", "reason", "reason", "reason", "reason", "table\ttrue" }, lines)
  end)

  it("that can't be loaded is named, with the reason", function()
    local path = FOLDER .. "/other/novita/core.so"
    files.write(path, "not a library")
    local output = run(LOAD, FOLDER .. "/other/?.so")
    local start = "false\tnovita: " .. path .. " can't be loaded: "
    assert.are.equal(start, output:sub(1, #start))
    assert.is_true(#output > #start + 5)
  end)

  it("of another Lua says which, and how to build it for this one", function()
    local path = FOLDER .. "/other/novita/core.so"
    files.write(path, "\127ELF ... novita.core built for Lua 9.9\0...")
    assert.are.equal(("false\tnovita: %s was built for Lua 9.9, and this is %s; "
      .. "build it again with: %s\n"):format(path, THIS, MAKE), run(LOAD, FOLDER .. "/other/?.so"))
  end)

  it("of a database that is not there says what to install, again and again", function()
    os.execute(("mkdir -p %s/src/lua && touch %s/src/lua/core.c"):format(FOLDER, FOLDER))
    copy(MODULE, FOLDER .. "/other/novita/core.so")
    local cpath = FOLDER .. "/other/?.so"
    for name, package in pairs { sqlite = "libsqlite3-dev", postgres = "libpq-dev" } do
      assert.are.equal((("false\tnovita: novita.%s is not built for %s; install its library "
        .. "(apt-get install %s), then run: %s in %s/\n")
        :format(name, THIS, package, MAKE, FOLDER)):rep(2),
        run(("for _ = 1, 2 do print(pcall(require, 'novita.%s')) end"):format(name), cpath))
    end
    os.execute(("rm -r %s/src"):format(FOLDER))
    local output = run("print(pcall(require, 'novita.sqlite'))", cpath)
    assert.is_truthy(output:find("^false\tnovita: novita.sqlite for .+ is at none of: "), output)
    assert.is_truthy(output:find("luarocks install novita-sqlite", 1, true), output)
  end)

  it("of a database is found next to the Lua files, and where it is installed", function()
    copy(MODULE, FOLDER .. "/other/novita/core.so")
    copy(MODULE:gsub("core%.so$", "sqlite/core.so"), (BESIDE:gsub("core", "sqlite")))
    assert.are.equal("true\ttable", run("print(pcall(require, 'novita.sqlite'))",
      FOLDER .. "/other/?.so"):sub(1, 10))
    assert.are.equal("true\ttable", run("print(pcall(require, 'novita.sqlite'))", CPATH):sub(1, 10))
  end)

  for _, lua in ipairs { "5.1", "5.3", "5.4" } do
    local file = io.open("build/" .. lua .. "/novita/core.so", "rb")
    if file then file:close() end
    if file and "Lua " .. lua ~= _VERSION then
      it("that was really built for Lua " .. lua .. " says so", function()
        local output = run(LOAD, "build/" .. lua .. "/?.so")
        assert.is_truthy(output:find("was built for Lua " .. lua, 1, true), output)
        assert.is_truthy(output:find(MAKE, 1, true), output)
      end)
    end
  end

  it("without lua-cjson says what is missing", function()
    local output = run("package.preload.cjson = function() error('no cjson') end " .. LOAD, CPATH)
    assert.is_truthy(output:find("^false\tnovita needs lua%-cjson"), output)
    assert.is_truthy(output:find("apt%-get install lua%-cjson"), output)
  end)
end)
