-- How the C module is found, and what is said when it can't be.

local child = require("spec.support.child")

local FOLDER = "build/loader"
local CPATH = os.getenv("LUA_CPATH")
local MODULE = CPATH:match("^[^;]+"):gsub("%?", "novita/core")
local THIS = rawget(_G, "jit") and "LuaJIT" or _VERSION
local MAKE = "make LUA=" .. (rawget(_G, "jit") and "luajit" or _VERSION:match("%d.%d"))

local function copy(from, to)
  local source = assert(io.open(from, "rb"))
  local target = assert(io.open(to, "wb"))
  target:write(source:read("*a"))
  source:close()
  target:close()
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- Runs code where the Lua files are copies, with no C module on the path but cjson.
local function run(code, cpath)
  return (child.run(code, {
    LUA_PATH = FOLDER .. "/lua/?.lua;" .. FOLDER .. "/lua/?/init.lua;;",
    LUA_CPATH = (cpath or "/nonexistent/?.so") .. ";;",
  }))
end

local LOAD = "require('novita') print(pcall(require, 'novita.core'))"

describe("the C module", function()
  before_each(function()
    os.execute(("rm -rf %s && mkdir -p %s/lua %s/other/novita && cp -r lua/novita %s/lua && "
      .. "rm -f %s/lua/novita/core.so"):format(FOLDER, FOLDER, FOLDER, FOLDER, FOLDER))
  end)

  teardown(function() os.execute("rm -rf " .. FOLDER) end)

  it("is not loaded by the Lua module alone", function()
    assert.are.equal("nil\tnil\ttable\n", run("local novita = require('novita') "
      .. "print(package.loaded['novita.core'], package.loaded['novita.client'], type(novita))"))
    assert.are.equal("0.1.0\ttable\n", run("local novita = require('novita') "
      .. "print(novita.version, type(package.loaded['novita.core']))", CPATH))
  end)

  it("is found on package.cpath", function()
    assert.are.equal("true\ttable", run(LOAD, CPATH):sub(1, 10))
  end)

  it("is found next to the Lua files", function()
    copy(MODULE, FOLDER .. "/lua/novita/core.so")
    assert.are.equal("true\ttable", run(LOAD):sub(1, 10))
  end)

  it("on package.cpath goes before one next to the Lua files", function()
    write(FOLDER .. "/lua/novita/core.so", "not a library")
    assert.are.equal("true\ttable", run(LOAD, CPATH):sub(1, 10))
  end)

  it("that is not there asks to be built", function()
    assert.are.equal("false\tnovita: the C module is not built; build it with: " .. MAKE .. "\n",
      run(LOAD))
  end)

  it("that can't be loaded is named, with the reason", function()
    local path = FOLDER .. "/other/novita/core.so"
    write(path, "not a library")
    local output = run(LOAD, FOLDER .. "/other/?.so")
    local start = "false\tnovita: " .. path .. " can't be loaded: "
    assert.are.equal(start, output:sub(1, #start))
    assert.is_true(#output > #start + 5)
  end)

  it("of another Lua says which, and how to build it for this one", function()
    local path = FOLDER .. "/other/novita/core.so"
    write(path, "\127ELF ... novita.core built for Lua 9.9\0...")
    assert.are.equal(("false\tnovita: %s was built for Lua 9.9, and this is %s; "
      .. "build it again with: %s\n"):format(path, THIS, MAKE), run(LOAD, FOLDER .. "/other/?.so"))
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
    assert.is_truthy(output:find("^false\t.*novita needs lua%-cjson"), output)
    assert.is_truthy(output:find("apt%-get install lua%-cjson"), output)
  end)
end)
