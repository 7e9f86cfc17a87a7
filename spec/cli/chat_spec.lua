-- A question and its answer at the command line.
-- Covers: lua/novita/cli/account.lua lua/novita/cli/answer.lua lua/novita/cli/attachment.lua
-- Covers: lua/novita/cli/interrupt.lua lua/novita/cli/prompt.lua

local core = require("novita.core")

local command = require("spec.support.command")
local files = require("spec.support.files")
local native = require("spec.support.native")
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

  local function answer(text) sim:script { { answer = { content = text } } } end

  describe("asks", function()
    it("with its words, and prints the answer with a line's end", function()
      assert.are.same({ status = 0, out = "Hello you\n", err = "" }, chat("Hello you"))
      assert.is_true(last().stream)
    end)

    it("with what is piped in, behind its words, or at a -", function()
      assert.are.equal("What is this?\n\na\nb\n", chat("'What is this?'", "a\nb\n\n").out)
      assert.are.equal("a\n", chat("", "a").out)
      assert.are.equal("a\n", chat("-", "a").out)
      assert.are.equal("x\n\na\n", chat("x -", "a").out)
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

    it("without a home", function()
      variables.HOME = ""
      assert.are.same({ status = 0, out = "Hi\n", err = "" }, chat("Hi"))
      assert.are.equal(2, chat("-c Hi").status)
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
      files.write(home.path .. "/t", "Translate to {{language}}.\n\n")
      assert.are.equal("Translate to Lao.\n\nHello\n", chat("-t t -p language=Lao Hello").out)
      files.write(home.path .. "/t", "{{input}}, in {{language}}: {{input}}")
      assert.are.equal("a, in Lao: a\n", chat("-t t -p language=Lao", "a").out)
      assert.are.equal("{{language}}\n", chat("'{{language}}'").out)
      local run = chat("-t t Hello")
      assert.are.same({ 2, "novita: config: t: line 1, column 15: {{language}} is missing\n" },
        { run.status, run.err })
    end)

    it("with texts and pictures that are attached", function()
      files.write(home.path .. "/a.md", "x\n```\ny\n```\n")
      files.write(home.path .. "/b.txt", "no line's end")
      assert.are.equal("Hi\n\na.md:\n````\nx\n```\ny\n```\n````\n\n"
        .. "b.txt:\n```\nno line's end\n```\n", chat("-a a.md -a b.txt Hi").out)
      os.execute("cp examples/neovim/screenshot.png " .. home.path .. "/p.png")
      chat("-a p.png -a https://127.0.0.1/q.jpg -a b.txt Hi")
      local content = last().messages[1].content
      assert.are.same({ type = "text", text = "Hi\n\nb.txt:\n```\nno line's end\n```" }, content[1])
      assert.are.equal("data:image/png;base64,", content[2].image_url.url:sub(1, 22))
      assert.are.equal("https://127.0.0.1/q.jpg", content[3].image_url.url)
      files.write(home.path .. "/c.bin", "\255\0")
      assert.are.equal("novita: config: attachment: c.bin is neither text nor a picture (image: "
        .. '"c.bin" is no PNG, JPEG, GIF or WebP)\n', chat("-a c.bin Hi").err)
    end)

    it("for an answer that fits a schema", function()
      variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
      local run = chat("--schema 'name, age int' Hi")
      assert.are.same({ name = "text", age = 1 }, core.decode(run.out))
      assert.are.equal("json_schema", last().response_format.type)
      files.write(home.path .. "/s.json", '{"type":"object","properties":{"x":{"type":"number"}}}')
      chat("--schema s.json Hi")
      assert.are.same({ x = { type = "number" } },
        last().response_format.json_schema.schema.properties)
      answer('{"name":1}')
      run = chat("--schema name Hi")
      assert.are.same({ 1, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find("^novita: invalid_response"), run.err)
    end)
  end)

  describe("prints", function()
    it("the answer while it comes", function()
      sim:script { { pace = 0.03, answer = { content = "one two three four five six" } } }
      local terminal = home:terminal("chat Hi", variables)
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

  describe("ends", function()
    it("with 2 before anything is sent, where something is missing or wrong", function()
      files.write(home.path .. "/bad.json", "{")
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
      variables.NOVITA_API_KEY = ""
      assert.are.equal("novita: config: api_key: there is none: set NOVITA_API_KEY, or run: novita "
        .. "keys set\n", chat("Hi").err)
      variables.NOVITA_MODEL = ""
      assert.are.equal("novita: config: model: there is none: give -m MODEL, or run: novita config "
        .. "set model MODEL; novita models lists them\n", chat("Hi").err)
      assert.are.same({}, bodies())
    end)

    it("with 1 where the server refuses", function()
      variables.NOVITA_API_KEY = "sk_wrong"
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

    it("with 130 after Ctrl-C; what had arrived stays, and is kept", function()
      sim:script { { answer = { content = "one two three" }, cut_pieces = 3, ending = "stall" } }
      local terminal = home:terminal("chat Hi", variables)
      terminal:expect("one ")
      terminal:type("\3")
      assert.are.equal(130, terminal:finish())
      assert.is_truthy(terminal.shown:find("\r\n\27[31mnovita:\27[0m interrupted\r\n", 1, true),
        terminal.shown)
      assert.is_truthy(sim:wait_for(function(entries) return entries[1].aborted end))
      local shown = home:run("logs", variables).out
      assert.is_truthy(shown:find("\n> Hi\none .*\n%(interrupted%)\n"), shown)
    end)

    it("with 130 after Ctrl-C before anything came, also between two attempts", function()
      for _, step in ipairs { { stall = 60, delay = 60 }, { status = 503 } } do
        sim:reset()
        sim:always(step)
        local terminal = home:terminal("chat Hi", variables)
        assert(sim:wait_for(function(entries) return entries[1] end))
        native.readable(terminal.fd, 0.02)
        terminal:type("\3")
        assert.are.equal(130, terminal:finish())
        assert.are.equal("^C\27[31mnovita:\27[0m interrupted\r\n", terminal.shown)
      end
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
