-- The endpoints beside chat in Neovim: the editor goes on while a file goes up and down.

local editor = require("spec.support.editor")
local simulator = require("spec.support.simulator_client")

describe("in Neovim, the endpoints beside chat", function()
  local sim

  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("go on in a task, as the editor does", function()
    sim:script { { match = "files", delay = 0.2 }, { match = "content", delay = 0.2 } }
    local got = editor.run [[
      local ticks, fast, ended, far = 0, false, nil, 0
      local timer = vim.loop.new_timer()
      timer:start(0, 5, function() ticks = ticks + 1 end)
      local text, input, output = ("x"):rep(1000000), vim.fn.tempname(), vim.fn.tempname()
      vim.fn.writefile({ text }, input, "b")
      require("novita").spawn(function()
        local vectors = assert(client():embeddings { model = "baai/bge-m3", input = "a" })
        local file = assert(client().files:upload { path = input })
        local saved = assert(client().files:content {
          id = file.id, save_to = output,
          on_progress = function(done) far, fast = done, fast or vim.in_fast_event() end,
        })
        ended = { #vectors.data, file.bytes, vim.fn.readfile(saved, "b")[1] == text }
      end)
      wait(function() return ended end)
      timer:close()
      return { ended = ended, far = far, fast = fast, ticks = ticks > 5 }
    ]]
    assert.are.same({ ended = { 1, 1000000, true }, far = 1000000, fast = false, ticks = true },
      got)
  end)
end)
