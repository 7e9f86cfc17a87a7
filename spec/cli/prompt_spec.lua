-- The request of novita chat: from words, what is piped in, templates and options.

local core = require("novita.core")

local cli = require("spec.support.cli")

local chat, last, answer = cli.chat, cli.last, cli.answer

describe("novita chat", function()
  cli.with()

  describe("asks", function()
    it("with what is piped in, behind its words, or at a -", function()
      assert.are.equal("What is this?\n\na\nb\n", chat("'What is this?'", "a\nb\n\n").out)
      assert.are.equal("a\n", chat("", "a").out)
      assert.are.equal("a\n", chat("-", "a").out)
      assert.are.equal("x\n\na\n", chat("x -", "a").out)
    end)

    it("with a model, a system prompt and fields of the request", function()
      chat("-m simulator/request -s 'Be brief' -o temperature=0.2 -o stop='[\"a\"]' -o user=7x Hi")
      local body = last()
      assert.are.same({ "simulator/request", 0.2, { "a" }, "7x" },
        { body.model, body.temperature, body.stop, body.user })
      assert.are.same({ { role = "system", content = "Be brief" },
        { role = "user", content = "Hi" } }, body.messages)
    end)

    it("with a template", function()
      cli.write("t", "Translate to {{language}}.\n\n")
      assert.are.equal("Translate to Lao.\n\nHello\n", chat("-t t -p language=Lao Hello").out)
      cli.write("t", "{{input}}, in {{language}}: {{input}}")
      assert.are.equal("a, in Lao: a\n", chat("-t t -p language=Lao", "a").out)
      assert.are.equal("{{language}}\n", chat("'{{language}}'").out)
      local run = chat("-t t Hello")
      assert.are.same({ 2, "novita: config: t: line 1, column 15: {{language}} is missing\n" },
        { run.status, run.err })
    end)

    it("for an answer that fits a schema", function()
      cli.variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
      local run = chat("--schema 'name, age int' Hi")
      assert.are.same({ name = "text", age = 1 }, core.decode(run.out))
      assert.are.equal("json_schema", last().response_format.type)
      cli.write("s.json", '{"type":"object","properties":{"x":{"type":"number"}}}')
      chat("--schema s.json Hi")
      assert.are.same({ x = { type = "number" } },
        last().response_format.json_schema.schema.properties)
      answer('{"name":1}')
      run = chat("--schema name Hi")
      assert.are.same({ 1, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find("^novita: invalid_response"), run.err)
    end)
  end)
end)
