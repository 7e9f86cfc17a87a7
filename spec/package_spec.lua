-- The rock and `make install` hold every file that a program needs, and work from where they land.

local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local function lines(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local VERSION = _VERSION:match("%d.%d")
local LUA = os.getenv("NOVITA_LUA") or "lua5.4"
local MAKE_LUA = LUA:gsub("^lua5", "5")
local ASK = "print((assert(require('novita').chat { model = 'simulator/echo', "
  .. "message = 'Hi' })))"

-- Runs a program with no other way to find novita than the tree.
local function ask(tree, prefix, code)
  local share, lib = tree .. prefix .. "/share/lua/", tree .. prefix .. "/lib/lua/"
  local template = "cd / && LUA_PATH='%s/?.lua;%s/?/init.lua;;' LUA_CPATH='%s/?.so;;' "
    .. "NOVITA_BASE_URL='%s' NOVITA_API_KEY=sk_spec %s -e \"%s\" 2>&1"
  local path, cpath = share .. VERSION, lib .. VERSION
  return table.concat(lines(template:format(path, path, cpath, simulator.shared().url, LUA,
    code or ASK)))
end

-- What the command in the tree says of its version, with no help to find its modules.
local function version_of(command)
  return lines(("cd / && env -u LUA_PATH -u LUA_CPATH -u NOVITA_LUA '%s' --version 2>&1")
    :format(command))
end

local VERSION_LINE = "novita " .. require("novita").version

describe("the package", function()
  local tree

  before_each(function() tree = files.folder() end)

  -- The modules of a rockspec.
  local function modules_of(path)
    local rockspec = {}
    local chunk = assert(loadfile(path))
    if setfenv then setfenv(chunk, rockspec) else -- luacheck: ignore
      chunk = assert(loadfile(path, "t", rockspec)) -- luacheck: ignore
    end
    chunk()
    return rockspec.build.modules
  end

  it("names every Lua file and every C file in the rockspecs, and no other", function()
    local listed, there = {}, {}
    for _, path in ipairs(lines("ls *.rockspec src/sql/*.rockspec")) do
      for _, module in pairs(modules_of(path)) do
        for _, source in ipairs(module.sources or { module }) do listed[source] = true end
      end
    end
    for _, path in ipairs(lines("ls src/*/*.c; find lua -name '*.lua' ! -path '*/meta/*'")) do
      there[path] = true
    end
    assert.are.same(there, listed)
  end)

  it("is installed by make", function()
    local command = "make install LUA=%s DESTDIR=%s PREFIX=/usr/local 2>&1; echo $?"
    local output = lines(command:format(MAKE_LUA, tree))
    assert.are.equal("0", output[#output], table.concat(output, "\n"))
    assert.are.equal("Hi", ask(tree, "/usr/local"))
    assert.are.same({ VERSION_LINE }, version_of(tree .. "/usr/local/bin/novita"))
    assert.are.same({ tree .. "/usr/local/share/man/man1/novita.1" },
      lines("find " .. tree .. " -name novita.1"))
  end)

  if LUA == "lua5.4" then
    -- Makes the rocks of these rockspecs, in a folder of their own beside what they are made of.
    local function make_rocks(names)
      local command = "cp -r bin lua src doc examples *.rockspec %s && cd %s && " -- builds there
        .. "luarocks --lua-version 5.4 --tree %s/rocks make --deps-mode none NAME 2>&1; echo $?"
      for _, name in ipairs(names) do
        assert.are.same({ "0" }, lines("luarocks lint " .. name .. "; echo $?"))
        local output = lines((command:gsub("%%s", tree):gsub("NAME", name)))
        assert.are.equal("0", output[#output], table.concat(output, "\n"))
      end
    end

    it("is a rock, and one for SQLite", function()
      make_rocks { "novita-scm-1.rockspec", "src/sql/novita-sqlite-scm-1.rockspec" }
      assert.are.equal("Hi", ask(tree .. "/rocks", ""))
      assert.are.same({ VERSION_LINE }, version_of(tree .. "/rocks/bin/novita"))
      assert.are.equal("1", ask(tree .. "/rocks", "",
        "print(require('novita.sqlite').open(':memory:'):query('select 1')[1][1])"))
    end)

    it("is a rock for PostgreSQL, too #postgres", function()
      make_rocks { "novita-scm-1.rockspec", "src/sql/novita-postgres-scm-1.rockspec" }
      assert.are.equal("connection", ask(tree .. "/rocks", "",
        "print(select(2, require('novita.postgres').open('host=/none')).reason)"))
    end)
  end

  it("is installed and removed where the path has blanks", function()
    local prefix = "'/a place/it''s own'"
    local install = "make -s install LUA=%s DESTDIR=%s PREFIX=%s >/dev/null; echo $?"
    assert.are.same({ "0" }, lines(install:format(MAKE_LUA, tree, prefix)))
    assert.are.equal("Hi", ask(tree .. "/a place/its own", ""))
    assert.are.same({ VERSION_LINE }, version_of(tree .. "/a place/its own/bin/novita"))
    lines(("make -s uninstall LUA=%s DESTDIR=%s PREFIX=%s"):format(MAKE_LUA, tree, prefix))
    assert.are.same({}, lines("find " .. tree .. " -type f"))
  end)
end)

describe("make", function()
  local folder

  local function make(words)
    local command = "cd %s && env -u MAKEFLAGS make --no-print-directory %s 2>&1"
    return lines(command:format(folder, words))
  end

  before_each(function()
    folder = files.folder()
    lines("cp -r Makefile bin src lua " .. folder .. " && rm -f " .. folder .. "/lua/novita/*.so")
  end)

  it("says all that is missing at once, and one line that installs it", function()
    local output = table.concat(lines("env -u MAKEFLAGS PKG_CONFIG_LIBDIR=/nowhere "
      .. "make -s LUA=5.4 CC=nocc 2>&1"), "\n")
    for _, part in ipairs { "novita: missing: a C compiler (nocc), libcurl with headers",
      "Lua 5.4 with headers\n", "install", "libcurl4-openssl-dev", "liblua5.4-dev", "gcc" } do
      assert.is_truthy(output:find(part, 1, true), output)
    end
  end)

  if lines("command -v apt-get")[1] then
    it("says what is missing to run it, and builds it", function()
      local said = lines("LUA_CPATH=/none.so LUA_PATH=/none.lua "
        .. "sh src/missing.sh 5.4 lua5.4 cc 2>&1; echo $?")
      assert.are.equal("novita: missing: Lua 5.4 and lua-cjson, to run it", said[1])
      assert.is_truthy(said[2]:find("apt-get install lua5.4 lua-cjson", 1, true), said[2])
      assert.are.equal("0", said[3])
    end)
  end

  it("takes a bare lua.pc only for its own version", function()
    lines(("cd %s && mkdir pc && "
      .. "printf 'Name: Lua\nDescription: Lua\nVersion: 5.4.6\n' >pc/lua.pc && "
      .. "printf 'Name: c\nDescription: c\nVersion: 8.0.0\n' >pc/libcurl.pc"):format(folder))
    local missing = "env PKG_CONFIG_LIBDIR=pc make -s prerequisites LUA=%s 2>&1"
    local function said(lua)
      return table.concat(lines("cd " .. folder .. " && " .. missing:format(lua)), "\n")
    end
    assert.are.equal("", said("5.4"))
    assert.is_truthy(said("luajit"):find("LuaJIT with headers", 1, true))
    assert.is_truthy(said("5.3"):find("Lua 5.3 with headers", 1, true))
  end)

  it("refuses a Lua that it does not know, with the list", function()
    for _, name in ipairs { "jit", "lua5.4", "''", "'5.4 luajit'" } do
      local said = table.concat(make("LUA=" .. name))
      assert.is_truthy(said:find("is unknown; it is one of: 5.4 5.3 5.2 5.1 luajit", 1, true), said)
    end
  end)

  it("compiles again when flags change, and only then; one line a file", function()
    lines("cd " .. folder .. "/src && rm -r sql && "
      .. "ls */*.c | grep -vE 'bytes/(sse|buffer)' | xargs rm")
    local first = make("LUA=" .. MAKE_LUA)
    assert.are.equal("  CC build/" .. MAKE_LUA .. "/bytes/buffer.o", first[1])
    assert.are.same({}, make("-s LUA=" .. MAKE_LUA))
    assert.are.equal(3, #make("module LUA=" .. MAKE_LUA .. " CFLAGS=-O1"))
    assert.are.equal(0, #make("-s module LUA=" .. MAKE_LUA .. " CFLAGS=-O1"))
    assert.is_truthy(make("module V=1 LUA=" .. MAKE_LUA)[1]:find("-O2 -g -c -o", 1, true))
  end)

  it("leaves out a module whose library is not there, and says so in a line each", function()
    lines("cd " .. folder .. "/src && ls */*.c | grep -vE 'sql/|bytes/(sse|decimal)' | xargs rm")
    local path = folder .. "/programs"
    lines("mkdir " .. path)
    local file = assert(io.open(path .. "/pkg-config", "w"))
    file:write("#!/bin/sh\ncase $* in *libpq*) exit 1; esac\n",
      "PATH=${PATH#*:} exec pkg-config \"$@\"\n")
    file:close()
    lines("chmod +x " .. path .. "/pkg-config")
    local output = lines(("cd %s && env -u MAKEFLAGS PATH=%s:$PATH make -s LUA=%s 2>&1")
      :format(folder, path, MAKE_LUA))
    assert.are.equal("novita.postgres is left out: apt-get install libpq-dev", output[#output])
    assert.are.same({ "core", "sqlite" },
      lines(("cd %s/lua/novita && ls *.so | sed 's/-.*//'"):format(folder)))
  end)

  it("tells a shell how to use the checkout, and what it can make", function()
    local output = lines(("cd / && eval \"$(make -s -C %s env)\" && %s -e "
      .. "'print(package.searchpath and package.searchpath(\"novita\", package.path) or "
      .. "package.path)'"):format(folder, LUA))
    assert.is_truthy(output[1]:find(folder .. "/lua/", 1, true), output[1])
    assert.are.same({ folder .. "/bin/novita" },
      lines("cd / && eval \"$(make -s -C " .. folder .. " env)\" && command -v novita"))
    assert.is_truthy(table.concat(make("help"), "\n"):find("make install", 1, true))
  end)
end)

describe("the version", function()
  local function text(path)
    local file = assert(io.open(path, "rb"))
    local all = file:read("*a")
    file:close()
    return all
  end

  it("is one in the C module, the changes, and the rock", function()
    local version = text("src/lua/binding.h"):match('#define NV_VERSION%s+"([%d.]+)"')
    assert.are.equal(version, require("novita").version)
    assert.are.equal(version, text("CHANGELOG.md"):match("\n## ([%d.]+)"))
    local rockspecs = lines("make -s rockspec && ls build/rock/*.rockspec")
    assert.are.same({ "build/rock/novita-" .. version .. "-1.rockspec",
      "build/rock/novita-postgres-" .. version .. "-1.rockspec",
      "build/rock/novita-sqlite-" .. version .. "-1.rockspec" }, rockspecs)
    for _, path in ipairs(rockspecs) do
      assert.is_truthy(text(path):find('\nversion = "' .. version .. '-1"', 1, true))
    end
  end)

  it("is built by lazy.nvim as `make` names it", function()
    local package = dofile("lazy.lua")
    assert.are.equal("novita", package[1])
    assert.are.equal("make LUA=luajit", package.build)
    assert.is_true(package.optional) -- else lazy.nvim wants it beside a plugin of another name
  end)
end)
