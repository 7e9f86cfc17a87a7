-- The client of the command: its key, server and model, and what is wrong or missing.

local cli = require("spec.support.cli")

local sim, chat, bodies = cli.sim, cli.chat, cli.bodies

describe("novita chat", function()
  cli.with()

  describe("asks", function()
    it("without a home", function()
      cli.variables.HOME = ""
      assert.are.same({ status = 0, out = "Hi\n", err = "" }, chat("Hi"))
      assert.are.equal(2, chat("-c Hi").status)
    end)
  end)

  describe("ends", function()
    it("with 2 before anything is sent, where something is missing or wrong", function()
      cli.write("bad.json", "{")
      for words, said in pairs {
        ["-o temperature Hi"] = '-o: expected NAME=VALUE, got "temperature"',
        ["-o temperature=hot Hi"] = "temperature",
        ["-p a=b Hi"] = "-p: is for a template: -t FILE",
        ["-t none Hi"] = "file: none: No such file", ["-a none Hi"] = "file: none: No such file",
        ["--schema bad.json Hi"] = "schema: bad.json: ",
        ["--schema '' Hi"] = "schema: has no field",
        ["--schema none.json Hi"] = "file: none.json", [""] = "text: there is none",
        ["--conversation 5 Hi"] = "conversation: 5 is none", ["-c Hi"] = "conversation: none",
      } do
        local run = chat(words)
        assert.are.same({ 2, "" }, { run.status, run.out }, words)
        assert.is_truthy(run.err:find("novita: config: " .. said, 1, true), run.err)
      end
      cli.variables.NOVITA_API_KEY = ""
      assert.are.equal("novita: config: api_key: there is none: set NOVITA_API_KEY, or run: novita "
        .. "keys set\n", chat("Hi").err)
      cli.variables.NOVITA_MODEL = ""
      assert.are.equal("novita: config: model: there is none: give -m MODEL, or run: novita config "
        .. "set model MODEL; novita models lists them\n", chat("Hi").err)
      assert.are.same({}, bodies())
    end)

    it("with 1 where the server refuses", function()
      cli.variables.NOVITA_API_KEY = "sk_wrong"
      local run = chat("Hi")
      assert.are.same({ 1, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find("^novita: authentication"), run.err)
      assert.is_nil(run.err:find("sk_wrong", 1, true))
    end)

    it("with 1 where the answer breaks off; what had arrived stays", function()
      sim:script { { answer = { content = "one two three four" }, cut_pieces = 3 } }
      local run = chat("Hi")
      assert.are.equal(1, run.status)
      assert.is_truthy(run.out:find("^one .*\n$"), run.out)
      assert.is_truthy(run.err:find("^novita: "), run.err)
    end)
  end)
end)
