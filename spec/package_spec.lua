-- The rock and `make install` hold every file that a program needs, and work from where they land.

local simulator = require("spec.support.sim")

local function lines(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local VERSION = _VERSION:match("%d.%d")
local LUA = os.getenv("NOVITA_LUA") or "lua5.4"
local ASK = [[print((assert(require("novita").chat { model = "simulator/echo", message = "Hi" })))]]

-- Runs a program with no other way to find novita than the tree.
local function ask(tree, prefix)
  local share, lib = tree .. prefix .. "/share/lua/", tree .. prefix .. "/lib/lua/"
  local template = "cd / && LUA_PATH='%s/?.lua;%s/?/init.lua;;' LUA_CPATH='%s/?.so;;' "
    .. "NOVITA_BASE_URL='%s' NOVITA_API_KEY=sk_spec %s -e '%s' 2>&1"
  local path, cpath = share .. VERSION, lib .. VERSION
  return table.concat(lines(template:format(path, path, cpath, simulator.shared().url, LUA, ASK)))
end

describe("the package", function()
  local tree

  before_each(function() tree = lines("mktemp -d")[1] end)
  after_each(function() os.execute("rm -rf " .. tree) end)

  it("names every Lua file and every C file in the rockspec", function()
    local rockspec = {}
    local chunk = assert(loadfile("novita-scm-1.rockspec"))
    if setfenv then setfenv(chunk, rockspec) else -- luacheck: ignore
      chunk = assert(loadfile("novita-scm-1.rockspec", "t", rockspec)) -- luacheck: ignore
    end
    chunk()
    local modules, listed = rockspec.build.modules, {}
    for _, path in pairs(modules) do listed[path] = true end
    for _, path in ipairs(modules["novita.core"].sources) do listed[path] = true end
    for _, path in ipairs(lines("ls src/*.c; find lua -name '*.lua' ! -path '*/meta/*'")) do
      assert.is_true(listed[path], path)
    end
  end)

  it("is installed by make", function()
    local luas = { ["lua5.4"] = "5.4", ["lua5.3"] = "5.3", ["lua5.1"] = "5.1", luajit = "luajit" }
    local command = "make install LUA=%s DESTDIR=%s PREFIX=/usr/local 2>&1; echo $?"
    local output = lines(command:format(luas[LUA], tree))
    assert.are.equal("0", output[#output], table.concat(output, "\n"))
    assert.are.equal("Hi", ask(tree, "/usr/local"))
  end)

  if LUA == "lua5.4" then
    it("is a rock", function()
      assert.are.same({ "0" }, lines("luarocks lint novita-scm-1.rockspec; echo $?"))
      local command = "cp -r lua src doc examples *.rockspec %s && cd %s && " -- it builds in place
        .. "luarocks --lua-version 5.4 --tree %s make --deps-mode none 2>&1; echo $?"
      local output = lines((command:gsub("%%s", tree)))
      assert.are.equal("0", output[#output], table.concat(output, "\n"))
      assert.are.equal("Hi", ask(tree, ""))
    end)
  end

  it("says in one line what is missing to build it", function()
    local output = lines("PKG_CONFIG_LIBDIR=/nowhere make --no-print-directory module 2>&1")
    assert.is_truthy(output[1]:find("novita: missing libcurl and its headers", 1, true), output[1])
    assert.is_truthy(table.concat(output):find("libcurl4-openssl-dev", 1, true))
  end)
end)
