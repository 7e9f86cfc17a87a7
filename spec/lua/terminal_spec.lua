-- core.columns and core.read_line, at a real terminal.

local native = require("spec.support.native")
local pty = require("spec.support.pty")

local SECONDS = 20
local LUA = os.getenv("NOVITA_LUA") or "lua5.4"

-- Runs code in a fresh interpreter at a terminal; gives what it wrote, and its exit status.
local function run(code, columns, talk)
  local pid, fd = pty.start({ "env", "LD_PRELOAD=" .. (os.getenv("NOVITA_PRELOAD") or ""),
    LUA, "-e", code }, columns)
  local shown = ""
  local function expect(text)
    while not shown:find(text, 1, true) do
      shown = shown .. assert(pty.read(fd, SECONDS), "it ended: " .. shown)
    end
  end
  if talk then talk(fd, expect) end
  local bytes = ""
  while bytes do
    shown = shown .. bytes
    bytes = pty.read(fd, SECONDS)
  end
  pty.close(fd)
  return shown:gsub("\r", ""), select(2, native.wait(pid))
end

local ASK = [[
  local core = require("novita.core")
  local line, problem = core.read_line("Name? ", %s)
  print(("[%%s] [%%s]"):format(line, problem))
]]

describe("core.columns", function()
  local core = require("novita.core")

  it("gives the width of a terminal", function()
    local code = 'local core = require("novita.core") print(core.columns(io.stdout))'
    assert.are.equal("123\n", run(code, 123))
    assert.are.equal("80\n", run(code, 0)) -- as a serial line has it
  end)

  it("gives nil for what is none", function()
    local file = assert(io.open("Makefile"))
    assert.is_nil((core.columns(file)))
    file:close()
    assert.is_nil((core.columns(file)))
    assert.is_false(pcall(core.columns, "Makefile"))
  end)
end)

describe("core.read_line", function()
  it("gives what is typed", function()
    assert.are.equal("Name? Ann Lee\n[Ann Lee] [nil]\n",
      run(ASK:format("false"), 80, function(fd, expect)
        expect("Name? ")
        pty.write(fd, "Ann Lee\n")
      end))
  end)

  it("shows nothing of it when that is hidden, and shows what is typed afterwards", function()
    local echoes
    local shown = run(ASK:format("true") .. "io.read()", 80, function(fd, expect)
      expect("Name? ")
      assert.is_false(pty.echoes(fd))
      pty.write(fd, "secret\n")
      expect("[secret] [nil]")
      echoes = pty.echoes(fd)
      pty.write(fd, "\n")
    end)
    assert.are.equal("Name? \n[secret] [nil]\n\n", shown)
    assert.is_true(echoes)
  end)

  for _, hidden in ipairs { "true", "false" } do
    it("ends with Ctrl-C and Ctrl-D, and the program goes on: hidden = " .. hidden, function()
      for keys, result in pairs {
        ["\3"] = "[nil] [interrupted]", ["a\3"] = "[nil] [interrupted]", ["\4"] = "[nil] [nil]",
      } do
        local shown, status = run(ASK:format(hidden), 80, function(fd, expect)
          expect("Name? ")
          pty.write(fd, keys)
        end)
        assert.is_truthy(shown:find("\n" .. result .. "\n", 1, true), shown)
        assert.are.equal(0, status)
      end
    end)
  end

  it("says that there is no terminal", function()
    local pipe = io.popen(("LD_PRELOAD=$NOVITA_PRELOAD setsid -w %s -e "
      .. "'print(require(%q).read_line(%q))' 2>&1"):format(LUA, "novita.core", "?"))
    local text = pipe:read("*a")
    pipe:close()
    assert.is_truthy(text:find("^nil\t%u%l+"), text)
  end)
end)
