-- Ctrl-C while novita chat waits or prints.

local cli = require("spec.support.cli")
local native = require("spec.support.native")

local sim, novita = cli.sim, cli.novita

describe("novita chat", function()
  cli.with()

  describe("ends", function()
    it("with 130 after Ctrl-C; what had arrived stays, and is kept", function()
      sim:script { { answer = { content = "one two three" }, cut_pieces = 3, ending = "stall" } }
      local terminal = cli.terminal("chat Hi")
      terminal:expect("one ")
      terminal:type("\3")
      assert.are.equal(130, terminal:finish())
      assert.is_truthy(terminal.shown:find("\r\n\27[31mnovita:\27[0m interrupted\r\n", 1, true),
        terminal.shown)
      assert.is_truthy(sim:wait_for(function(entries) return entries[1].aborted end))
      local shown = novita("logs").out
      assert.is_truthy(shown:find("\n> Hi\none .*\n%(interrupted%)\n"), shown)
    end)

    it("with 130 after Ctrl-C before anything came, also between two attempts", function()
      for _, step in ipairs { { stall = 60, delay = 60 }, { status = 503 } } do
        sim:reset()
        sim:always(step)
        local terminal = cli.terminal("chat Hi")
        assert(sim:wait_for(function(entries) return entries[1] end))
        native.readable(terminal.fd, 0.02)
        terminal:type("\3")
        assert.are.equal(130, terminal:finish())
        assert.are.equal("^C\27[31mnovita:\27[0m interrupted\r\n", terminal.shown)
      end
    end)
  end)
end)
