-- A question and its answer at the command line.

local core = require("novita.core")

local command = require("spec.support.command")
local simulator = require("spec.support.simulator_client")

local LUA = os.getenv("NOVITA_LUA") or "lua5.4"

describe("novita chat", function()
  local sim = simulator.shared()
  local home, variables

  before_each(function()
    home = command.home()
    variables = command.variables(sim)
    sim:reset()
  end)
  after_each(function() home:remove() end)

  local function chat(words, input) return home:run("chat " .. words, variables, input) end

  -- The bodies of the chats that the server was asked.
  local function bodies()
    local list = {}
    for _, entry in ipairs(sim:journal()) do
      if entry.path:find("/chat/completions", 1, true) then
        list[#list + 1] = core.decode(entry.body)
      end
    end
    return list
  end

  local function last() return table.remove(bodies()) end

  describe("asks", function()
    it("with its words, and prints the answer with a line's end", function()
      assert.are.same({ status = 0, out = "Hello you\n", err = "" }, chat("Hello you"))
      assert.is_true(last().stream)
    end)

    it("without waiting for a terminal that it was not promised", function()
      local terminal = home:terminal("chat Hello", variables)
      assert.are.equal(0, terminal:finish())
      assert.are.equal("Hello\r\n", terminal.shown)
      terminal = home:terminal("chat", variables)
      assert.are.equal(2, terminal:finish())
      assert.is_truthy(terminal.shown:find("text: there is none", 1, true))
      terminal = home:terminal("chat -", variables)
      terminal:type("typed\n\4")
      assert.are.equal(0, terminal:finish())
      assert.are.equal("typed\r\ntyped\r\n", terminal.shown:gsub("%^D\b\b", ""))
    end)

    it("with a standard input that is closed", function()
      local line = ("HOME=%s NOVITA_LUA=%s NOVITA_BASE_URL=%s NOVITA_API_KEY=sk_x bin/novita chat "
        .. "-m simulator/echo Hi <&-"):format(home.path, LUA, sim.url)
      local pipe = assert(io.popen(line))
      assert.are.equal("Hi\n", pipe:read("*a"))
      pipe:close()
    end)
  end)

  describe("-i", function()
    it("asks again, with what was said before, until Ctrl-D", function()
      local terminal = home:terminal("chat -i -m simulator/request first", variables)
      terminal:expect("> ")
      terminal:type("second\n")
      terminal:expect("> ")
      terminal:type("\n") -- nothing is said
      terminal:expect("> ")
      terminal:type("\4")
      assert.are.equal(0, terminal:finish())
      local messages = last().messages
      assert.are.equal(2, #bodies())
      assert.are.same({ 3, "first", "second" },
        { #messages, messages[1].content, messages[3].content })
      assert.are.equal(2, #core.decode("[" .. home:run("logs -c --json", variables).out
        :gsub("\n$", ""):gsub("\n", ",") .. "]"))
    end)

    it("goes on after an answer that was stopped, and ends with 130 at its prompt", function()
      sim:script { { answer = { content = "one two three" }, cut_pieces = 3, ending = "stall" } }
      local terminal = home:terminal("chat -i", variables)
      terminal:expect("> ")
      terminal:type("go\n")
      terminal:expect("one ")
      terminal:type("\3")
      terminal:expect("> ")
      terminal:type("again\n")
      terminal:expect("again\r\nagain\r\n")
      terminal:expect("> ")
      terminal:type("\3")
      assert.are.equal(130, terminal:finish())
    end)

    it("shows an error and goes on", function()
      sim:script { { status = 400 } }
      local terminal = home:terminal("chat -i", variables)
      terminal:expect("> ")
      terminal:type("go\n")
      terminal:expect("novita:")
      terminal:expect("> ")
      terminal:type("\4")
      assert.are.equal(0, terminal:finish())
    end)
  end)
end)
