-- A question and its answer at the command line.

local core = require("novita.core")

local cli = require("spec.support.cli")

local LUA = os.getenv("NOVITA_LUA") or "lua5.4"

local sim, novita, chat, bodies, last = cli.sim, cli.novita, cli.chat, cli.bodies, cli.last

describe("novita chat", function()
  cli.with()

  describe("asks", function()
    it("with its words, and prints the answer with a line's end", function()
      assert.are.same({ status = 0, out = "Hello you\n", err = "" }, chat("Hello you"))
      assert.is_true(last().stream)
    end)

    it("without waiting for a terminal that it was not promised", function()
      local terminal = cli.terminal("chat Hello")
      assert.are.equal(0, terminal:finish())
      assert.are.equal("Hello\r\n", terminal.shown)
      terminal = cli.terminal("chat")
      assert.are.equal(2, terminal:finish())
      assert.is_truthy(terminal.shown:find("text: there is none", 1, true))
      terminal = cli.terminal("chat -")
      terminal:type("typed\n\4")
      assert.are.equal(0, terminal:finish())
      assert.are.equal("typed\r\ntyped\r\n", terminal.shown:gsub("%^D\b\b", ""))
    end)

    it("with a standard input that is closed", function()
      local line = ("HOME=%s NOVITA_LUA=%s NOVITA_BASE_URL=%s NOVITA_API_KEY=sk_x bin/novita chat "
        .. "-m simulator/echo Hi <&-"):format(cli.home.path, LUA, sim.url)
      local pipe = assert(io.popen(line))
      assert.are.equal("Hi\n", pipe:read("*a"))
      pipe:close()
    end)
  end)

  describe("-i", function()
    it("asks again, with what was said before, until Ctrl-D", function()
      local terminal = cli.terminal("chat -i -m simulator/request first")
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
      assert.are.equal(2, #core.decode("[" .. novita("logs -c --json").out
        :gsub("\n$", ""):gsub("\n", ",") .. "]"))
    end)

    it("goes on after an answer that was stopped, and ends with 130 at its prompt", function()
      sim:script { { answer = { content = "one two three" }, cut_pieces = 3, ending = "stall" } }
      local terminal = cli.terminal("chat -i")
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
      local terminal = cli.terminal("chat -i")
      terminal:expect("> ")
      terminal:type("go\n")
      terminal:expect("novita:")
      terminal:expect("> ")
      terminal:type("\4")
      assert.are.equal(0, terminal:finish())
    end)
  end)
end)
