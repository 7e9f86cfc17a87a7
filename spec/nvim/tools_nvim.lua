-- Tools that run and conversations in Neovim: the editor goes on meanwhile, and functions run where
-- its API may be used.

local editor = require("spec.support.editor")
local simulator = require("spec.support.simulator_client")
local tooling = require("spec.support.tooling")

local CODE = [[
  local ticks, fast, lines = 0, false, 0
  local timer = vim.loop.new_timer()
  timer:start(0, 5, function() ticks = ticks + 1 end)
  local chat = client():conversation {
    model = "simulator/echo",
    tools = { { name = "ask", call = function(arguments)
      fast = fast or vim.in_fast_event()
      lines = lines + #vim.api.nvim_buf_get_lines(0, 0, -1, false)
      local reply, err = client():chat(request { message = "inner " .. arguments.x })
      return reply and reply:text(), err
    end } },
  }
]]

local CALLS = tooling.calls({ "ask", { x = 1 } }, { "ask", { x = 2 } })

describe("in Neovim, a conversation with tools", function()
  local sim

  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("goes on in a task, as the editor does", function()
    sim:script { { match = '"inner ', delay = 0.2, uses = 2 }, CALLS, tooling.says("both") }
    local got = editor.run(CODE .. [[
      local text, pieces = nil, {}
      local since = now()
      require("novita").spawn(function()
        text = assert(chat:send("Hi", { on_text = function(piece)
          pieces[#pieces + 1] = piece
          fast = fast or vim.in_fast_event()
        end })):text()
      end)
      local at_once = now() - since
      wait(function() return text end)
      timer:close()
      local contents = {}
      for _, message in ipairs(chat.messages) do table.insert(contents, message.content or "") end
      return { text = text, pieces = table.concat(pieces), ticks = ticks > 20, fast = fast,
        lines = lines, contents = table.concat(contents, "|"), at_once = at_once < 0.1 }
    ]])
    assert.are.same({ text = "both", pieces = "both", ticks = true, fast = false, lines = 2,
      contents = "Hi||inner 1|inner 2|both", at_once = true }, got)
  end)

  it("lets timers run where code outside a task waits for it", function()
    sim:script { { match = '"inner ', delay = 0.2, uses = 2 }, CALLS, tooling.says("both") }
    assert.are.same({ "both", true, 5 }, editor.run(CODE .. [[
      local text = assert(chat:send("Hi")):text()
      timer:close()
      return { text, ticks > 20, #chat.messages }
    ]]))
  end)

  it("is cancelled with what its tools do, and can be asked again", function()
    sim:script { { match = '"inner ', delay = 5, uses = 2 }, CALLS, tooling.says("again") }
    local got = editor.run(CODE .. [[
      local kind
      local task = require("novita").spawn(function()
        kind = select(2, chat:send("Hi")).kind
      end)
      vim.wait(300)
      local since = now()
      task:cancel()
      wait(function() return kind end)
      local took = now() - since
      local text = assert(chat:send("Hello")):text()
      timer:close()
      return { kind, text, #chat.messages, took < 0.5 }
    ]])
    assert.are.same({ "cancelled", "again", 2, true }, got)
    local closed = 0
    for _, entry in ipairs(sim:journal()) do
      if entry.client_closed then closed = closed + 1 end
    end
    assert.is_true(closed >= 2)
  end)
end)
