-- The plugin of examples/neovim, while the user edits, or does not want the answer any more.

local answering = require("spec.support.answering")

local ask, lines, open = answering.ask, answering.lines, answering.open
local sim = answering.sim

before_each(answering.begin)
after_each(answering.close)

describe("an answer of :Novita", function()
  -- Asks, waits for the first text, does what the user does, and returns the editor's session.
  local function amid(step, shown, ...)
    sim:always(step)
    local session = open(lines("above", "below"))
    session:type(":Novita go", "Enter")
    session:wait_for(shown)
    session:type(...)
    return session
  end

  -- It ends the call, at the server too, with this line and nothing else.
  local function ends(with, ...)
    local session = amid({ pace = 0.05, answer = { content = ("word "):rep(60) } },
      "\nword word", ...)
    session:wait_for("novita: stopped: " .. with)
    assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
    local said = ask("messages()")
    assert.is_nil(said:find("traceback", 1, true), said)
    assert.are.equal(1, select(2, said:gsub("novita: ", "")))
    assert.are.equal(0, ask("#vim.api.nvim_buf_get_keymap(0, 'n')"))
    return ask("lines()")
  end

  it("ends when it is taken back", function()
    assert.are.same({ "above", "below" }, ends("the answer was taken back", "u"))
  end)

  it("ends when its text is deleted", function()
    assert.are.same({ "above", "below" }, ends("its text was deleted", "j", "dd"))
    answering.close()
    sim:reset()
    assert.are.same({ "" }, ends("its text was deleted", ":%d", "Enter"))
    answering.close()
    sim:reset()
    assert.are.same({ "above" }, ends("its text was deleted", "j", "dG"))
  end)

  it("ends when its buffer can't be changed any more", function()
    local now = ends("this buffer can't be changed any more", ":set noma", "Enter")
    assert.are.same({ "above", "below" }, { now[1], now[3] })
  end)

  -- What the buffer holds when the user has done something and all has come.
  local function becomes(expected, pieces, shown, ...)
    local session = amid(answering.pieces(pieces, 0.4), shown, ...)
    session:wait_for("last")
    assert.are.same(expected, ask("lines()"))
  end

  it("goes to a line of its own when its end was deleted", function()
    becomes({ "above", "one", "est last", "below" },
      { "one int", "est", " last" }, "\none int", "j", "$", "daw")
  end)

  it("goes to a line of its own when the line it was writing was deleted", function()
    becomes({ "above", "one", "est last", "below" },
      { "one\nint", "est", " last" }, "\nint", "jj", "dd")
  end)

  it("goes on below when what comes after it was deleted too", function()
    becomes({ "above", "one", "est last" },
      { "one\nint", "est", " last" }, "\nint", "jj", "dG")
  end)

  it("goes to a line of its own when text was added behind it, or a line was joined", function()
    becomes({ "above", "int mine", "est last", "below" },
      { "int", "est", " last" }, "\nint", "j", "A mine", "Escape")
    answering.close()
    sim:reset()
    becomes({ "above", "int below", "est last" },
      { "int", "est", " last" }, "\nint", "j", "J")
  end)

  it("goes on where it was when its beginning was edited", function()
    becomes({ "above", "so an int", "erest last", "below" },
      { "an int", "\n", "erest", " last" }, "\nan int", "j", "Iso ", "Escape")
    answering.close()
    sim:reset()
    becomes({ "above", "ONE two three interest last", "below" },
      { "one two three int", "erest", " last" }, "\none two three int", "j", "0gUiw")
  end)

  it("comes below its line, also when that has moved before the first text", function()
    sim:always { delay = 0.5, answer = { content = "last" } }
    local session = open(lines("above", "below"))
    session:type(":Novita go", "Enter")
    session:wait_for("asking simulator/echo")
    session:type("O", "top", "Escape")
    session:wait_for("last")
    assert.are.same({ "top", "above", "last", "below" }, ask("lines()"))
  end)

  describe("leaves <C-c>", function()
    -- The attributes of the map that code makes, when an answer has come and gone.
    local function after(code)
      sim:always { pace = 0.1, answer = { content = "one two last" } }
      local session = open(code .. [[
        function _G.stop_map(calls)
          for _, map in ipairs(vim.api.nvim_buf_get_keymap(0, "n")) do
            if map.lhs == "<C-C>" then
              map.sid, map.lnum, map.lhsraw, map.lhsrawalt, map.mode, map.mode_bits = nil
              map.scriptversion, map.buffer = nil, nil
              map.said = calls and map.callback and map.callback()
              map.callback = nil
              return map
            end
          end
          return {}
        end
        function _G.is_given_back() return stop_map().desc ~= "Stop the answer" end
        _G.before = stop_map(true)
      ]])
      session:type(":Novita go", "Enter")
      session:wait_for("\none")
      assert.are.equal("Stop the answer", ask("stop_map().desc"))
      session:wait_for("last")
      assert.is_true(ask("vim.wait(5000, is_given_back, 10)"))
      local before, now = ask("before"), ask("stop_map(true)")
      assert.are.same(before, now)
      return now
    end

    it("alone where nobody has mapped it", function()
      assert.are.same({}, after(""))
    end)

    it("to a map of the buffer's, with all its attributes", function()
      local map = after [[
        vim.keymap.set("n", "<C-c>", "<Cmd>let g:mine = 1<CR>|x", { buffer = true, silent = true,
          nowait = true, desc = "mine", remap = true })
      ]]
      assert.are.same({ "<Cmd>let g:mine = 1<CR>|x", 1, 1, 0, "mine" },
        { map.rhs, map.silent, map.nowait, map.noremap, map.desc })
    end)

    it("to a function, and to an expression", function()
      assert.are.equal("called", after([[
        vim.keymap.set("n", "<C-c>", function() return "called" end, { buffer = true })
      ]]).said)
      answering.close()
      assert.are.equal(1, after([[
        vim.cmd("noremap <expr> <script> <buffer> <C-c> 'x' .. 'y'")
      ]]).expr)
    end)

    it("to a map that was made meanwhile", function()
      sim:always { pace = 0.2, answer = { content = "one two last" } }
      local session = open()
      session:type(":Novita go", "Enter")
      session:wait_for("\none")
      session:type(":nnoremap <buffer> <C-c> x", "Enter")
      session:wait_for("last")
      assert.are.equal("x", ask("vim.api.nvim_buf_get_keymap(0, 'n')[1].rhs"))
    end)
  end)
end)
