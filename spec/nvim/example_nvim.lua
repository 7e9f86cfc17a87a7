-- The plugin of examples/neovim, in a real terminal.

local editor = require("spec.support.editor")
local simulator = require("spec.support.sim")

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

describe(":Novita", function()
  local session

  after_each(function()
    if session then session:stop() end
    session = nil
  end)

  local function open(code, options)
    options = options or { rtp = { editor.root, editor.root .. "/examples/neovim" } }
    session = editor.terminal([[
      vim.cmd("set shortmess+=I noshowcmd")
      vim.cmd("runtime! plugin/novita_answer.lua")
      function _G.Setup(options)
        options.base_url = options.base_url or ]] .. ("%q"):format(sim.url) .. [[

        options.api_key = options.api_key or "sk_spec"
        require("novita_answer").setup { model = "simulator/echo", options = options }
      end
      Setup {}
      function _G.lines() return vim.api.nvim_buf_get_lines(0, 0, -1, false) end
    ]] .. (code or ""), options)
    return session
  end

  -- What a Lua expression is in the editor now.
  local function ask(expression)
    os.remove(session.folder .. "/result")
    session:type("Escape", ":lua report({ " .. expression .. " })", "Enter")
    return session:result()[1]
  end

  it("streams below the cursor; u takes all of it back, also what came in many pieces", function()
    sim:always { pace = 0.02 }
    open [[vim.api.nvim_buf_set_lines(0, 0, -1, false, { "above", "below" })]]
    session:type(":Novita one two three four five six", "Enter")
    session:wait_for("\none two three")
    assert.is_nil(session:screen():find("\none two three four five six", 1, true))
    session:wait_for("\none two three four five six")
    assert.are.same({ "above", "one two three four five six", "below" }, ask("lines()"))
    session:type("Escape", "u")
    assert.are.same({ "above", "below" }, ask("lines()"))
  end)

  it("takes a range as {{selection}}", function()
    open [[vim.api.nvim_buf_set_lines(0, 0, -1, false, { "first line", "second line", "third" })]]
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
    open()
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
    open()
    session:type(":Novita hello", "Enter")
    session:wait_for("asking simulator/echo, <C-c> stops")
    session:type("C-c")
    session:wait_for("novita: stopped")
    assert.is_nil(session:screen():find("asking simulator", 1, true))
  end)

  it("leaves what the user types meanwhile alone, and in undo steps of its own", function()
    sim:always { pace = 0.08 }
    open [[vim.api.nvim_buf_set_lines(0, 0, -1, false, { "above", "below" })]]
    session:type(":Novita one two three four five six seven", "Enter")
    session:wait_for("\none two")
    session:type("G", "o", "mine", "Escape", "gg", "O", "top", "Escape")
    session:wait_for("five six seven\n")
    assert.are.same({ "top", "above", "one two three four five six seven", "below", "mine" },
      ask("lines()"))
  end)

  it("stops when its text is taken back, or its buffer closed", function()
    sim:always { pace = 0.05 }
    open()
    session:type(":Novita " .. ("word "):rep(40), "Enter")
    session:wait_for("\nword word")
    session:type("u")
    assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
    session:type(":Novita " .. ("word "):rep(40), "Enter")
    session:wait_for("\nword word")
    session:type(":bdelete!", "Enter")
    assert.is_true(sim:wait_for(function(entries)
      return entries[2] and entries[2].aborted
    end))
    assert.is_true(session:alive())
  end)

  describe("explains", function()
    local function explains(text, step, options)
      if step then sim:always(step) end
      open("Setup " .. (options or "{ retry = 'none' }"))
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

    it("a template that is wrong", function()
      open()
      session:type(":Novita what is {{#this", "Enter")
      session:wait_for("novita: ")
      assert.is_truthy(ask("vim.diagnostic.get(0)[1].message"):find("novita: ", 1, true))
    end)

    it("a buffer that can't be changed", function()
      open [[vim.bo.modifiable = false]]
      session:type(":Novita hello", "Enter")
      session:wait_for("this buffer can't be changed")
    end)
  end)
end)
