-- What novita chat prints of an answer.

local core = require("novita.core")

local cli = require("spec.support.cli")

local sim, chat, last, answer = cli.sim, cli.chat, cli.last, cli.answer

describe("novita chat", function()
  cli.with()

  describe("prints", function()
    it("the answer while it comes", function()
      sim:script { { pace = 0.03, answer = { content = "one two three four five six" } } }
      local terminal = cli.terminal("chat Hi")
      terminal:expect("one ")
      assert.is_nil(terminal.shown:find("six", 1, true))
      assert.are.equal(0, terminal:finish())
    end)

    it("the first block of code alone, or fails", function()
      answer("Look:\n```lua\nprint(1)\n```\nor\n```\nprint(2)\n```\n")
      assert.are.equal("print(1)\n", chat("-x Hi").out)
      answer("````\n```\n````")
      assert.are.equal("```\n", chat("-x Hi").out)
      answer("a `b` c")
      assert.are.same({ status = 1, out = "", err = "novita: the answer has no block of code\n" },
        chat("-x Hi"))
    end)

    it("what was used and what it cost, to a person", function()
      local run = chat("-u 'one two three'")
      assert.are.same({ "one two three\n", "3 tokens in, 3 out, 0.000002 USD\n" },
        { run.out, run.err })
    end)

    it("the whole answer as JSON, or at once", function()
      local run = chat("--json Hi")
      assert.are.equal("Hi", core.decode(run.out).choices[1].message.content)
      assert.are.equal("Hi\n", chat("--no-stream Hi").out)
      assert.is_nil(last().stream)
    end)

    it("that it was cut, to a person", function()
      assert.are.equal("novita: the answer was cut at max_tokens\n",
        chat("-o max_tokens=2 'one two three'").err)
    end)
  end)
end)
