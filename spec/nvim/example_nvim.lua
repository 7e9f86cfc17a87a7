-- The plugin of examples/neovim, in a real terminal.

local core = require("novita.core")

local answering = require("spec.support.answering")
local editor = require("spec.support.editor")
local simulator = require("spec.support.simulator_client")

local ask, lines, open = answering.ask, answering.lines, answering.open
local sim = answering.sim

before_each(answering.begin)
after_each(answering.close)

describe(":Novita", function()
  it("streams below the cursor; u takes all of it back, also what came in many pieces", function()
    sim:always { pace = 0.02 }
    local session = open(lines("above", "below"))
    session:type(":Novita one two three four five six", "Enter")
    session:wait_for("\none two three")
    assert.is_nil(session:screen():find("\none two three four five six", 1, true))
    session:wait_for("\none two three four five six")
    assert.are.same({ "above", "one two three four five six", "below" }, ask("lines()"))
    session:type("Escape", "u")
    assert.are.same({ "above", "below" }, ask("lines()"))
  end)

  it("takes a range as {{selection}}", function()
    local session = open(lines("first line", "second line", "third"))
    session:type(":1,2Novita <{{selection}}>", "Enter")
    session:wait_for("\nsecond line>")
    assert.are.same({ "first line", "second line", "<first line", "second line>", "third" },
      ask("lines()"))
    session:type(":1Novita Repeat:", "Enter")
    session:wait_for("\nRepeat:")
    assert.are.equal("Repeat:\n\nfirst line", ask("table.concat(lines(), '\\n', 2, 4)"))
  end)

  it("is stopped by <C-c>, at the server too, and keeps what came", function()
    sim:always { pace = 0.05 }
    local session = open()
    session:type(":Novita " .. ("word "):rep(12), "Enter")
    session:wait_for("\nword word")
    session:type("C-c")
    session:wait_for("novita: stopped")
    assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
    assert.are.equal(0, ask("#vim.api.nvim_buf_get_keymap(0, 'n')"))
    assert.are.equal(0, ask("#vim.diagnostic.get(0)"))
  end)

  it("says that it waits, and stops then too", function()
    sim:always { delay = 30 }
    local session = open()
    session:type(":Novita hello", "Enter")
    session:wait_for("asking simulator/echo, <C-c> stops")
    session:type("C-c")
    session:wait_for("novita: stopped")
    assert.is_nil(session:screen():find("asking simulator", 1, true))
  end)

  it("leaves what the user types meanwhile alone, and in undo steps of its own", function()
    sim:always { pace = 0.08 }
    local session = open(lines("above", "below"))
    session:type(":Novita one two three four five six seven", "Enter")
    session:wait_for("\none two")
    session:type("G", "o", "mine", "Escape", "gg", "O", "top", "Escape")
    session:wait_for("\none two three four five six seven\n")
    assert.are.same({ "top", "above", "one two three four five six seven", "below", "mine" },
      ask("lines()"))
  end)

  it("is stopped when its buffer is closed, also while the server is silent", function()
    sim:script { { pace = 0.05 }, { delay = 30 } }
    local session = open()
    session:type(":Novita " .. ("word "):rep(40), "Enter")
    session:wait_for("\nword word")
    session:type(":bdelete!", "Enter")
    assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
    session:type(":Novita hello", "Enter")
    session:wait_for("asking simulator/echo")
    session:type(":bdelete!", "Enter")
    assert.is_true(sim:wait_for(function(entries) return entries[2] and entries[2].aborted end))
    assert.is_nil(ask("messages()"):find("traceback", 1, true))
  end)

  it("shows that it tries again", function()
    sim:script { { status = 503, headers = { { "Retry-After", "1" } } } }
    local session = open("Setup { retry = { attempts = 3 } }")
    session:type(":Novita hello", "Enter")
    session:wait_for("trying again, 2 of 3: ")
    session:wait_for("\nhello")
    assert.is_nil(session:screen():find("trying again", 1, true))
    assert.are.same({ "", "hello" }, ask("lines()"))
  end)

  describe("sends the prompt", function()
    local function sent(code, command)
      local session = open(code)
      session:type(command, "Enter")
      assert.is_truthy(sim:wait_for(function(entries) return entries[1] and entries[1].status end))
      local messages = core.decode(sim:journal()[1].body).messages
      return messages[#messages].content
    end

    it("as it was typed, braces and all", function()
      assert.are.equal("what is {{#this and {{name}}?",
        sent(nil, ":Novita what is {{#this and {{name}}?"))
      answering.close()
    end)

    it("with the lines for {{selection}}, whatever they hold, and other braces as typed", function()
      assert.are.equal("{{x}} in <%1 {{y}}\n{{selection}}>?",
        sent(lines("%1 {{y}}", "{{selection}}"), ":1,2Novita {{x}} in <{{ selection }}>?"))
    end)
  end)

  describe("explains", function()
    local function explains(text, step, options)
      if step then sim:always(step) end
      local session = open("Setup " .. (options or "{ retry = 'none' }"))
      session:type(":Novita hello", "Enter")
      session:wait_for(text)
      local message = ask("vim.diagnostic.get(0)[1].message")
      assert.is_truthy(message:find(text, 1, true), message)
    end

    it("a key that is refused", function()
      explains("the key in $NOVITA_API_KEY is not accepted", { status = 401 })
    end)

    it("a server that is not there", function()
      explains("the server can't be reached", nil,
        ("{ retry = 'none', base_url = %q }"):format(simulator.refused()))
    end)

    it("an answer that broke off", function()
      explains("the answer broke off", { cut_pieces = 3, ending = "half_close" })
    end)

    it("a key that is missing", function()
      explains("there is no key: set $NOVITA_API_KEY", nil,
        "{ api_key = function() end }")
    end)

    local function says(text, code, options)
      local session = open(code, options)
      session:type(":Novita hello", "Enter")
      session:wait_for(text)
      local said = ask("messages()")
      assert.is_truthy(said:find("^novita: [^\n]+$"), said)
      assert.is_nil(said:find("^novita: novita:"), said)
      assert.are.same({ "", 0 }, { ask("table.concat(lines(), '|')"),
        ask("#vim.api.nvim_buf_get_keymap(0, 'n')") })
    end

    it("that novita is missing", function()
      says("novita: the module 'novita' is not on the runtime path", nil,
        { rtp = { editor.root .. "/examples/neovim" } })
    end)

    it("that the C module can't be loaded", function()
      says("can't be loaded", [[
        package.preload["novita.core"] = function() error("novita: x.so can't be loaded: y", 0) end
      ]])
    end)

    it("an option of novita's that does not exist", function()
      says("base_ulr", "require('novita_answer').setup { options = { base_ulr = 'x' } }")
    end)

    it("a buffer that can't be changed", function()
      local session = open [[vim.bo.modifiable = false]]
      session:type(":Novita hello", "Enter")
      session:wait_for("this buffer can't be changed")
    end)
  end)

  it("is set up by keys that exist, and by no others", function()
    open([[
      local setup = require("novita_answer").setup
      _G.problems = {}
      for _, changes in ipairs { { modle = "m" }, { options = 3 }, { model = {} } } do
        problems[#problems + 1] = select(2, pcall(function() setup(changes) end))
      end
    ]])
    local problems = ask("problems")
    assert.is_truthy(problems[1]:find("novita_answer.setup: there is no 'modle'; "
      .. "there are model, options, system_prompt", 1, true), problems[1])
    assert.is_truthy(problems[1]:find("code.lua:", 1, true), problems[1])
    assert.is_truthy(problems[2]:find("options: table expected, got number", 1, true))
    assert.is_truthy(problems[3]:find("model: string expected, got table", 1, true))
  end)
end)
