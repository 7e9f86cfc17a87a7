-- The lines that examples/neovim/README.md gives to plugin managers.

local answering = require("spec.support.answering")
local editor = require("spec.support.editor")
local files = require("spec.support.files")

describe("examples/neovim/README.md", function()
  local blocks = {}
  for block in files.read("examples/neovim/README.md"):gmatch("```lua\n(.-)```") do
    blocks[#blocks + 1] = block
  end

  before_each(answering.begin)
  after_each(answering.close)

  -- Novita's root is on the runtime path, as a plugin manager leaves it; the plugin is not.
  local function answers(code)
    local session = answering.open(code, {
      bare = true, rtp = { editor.root },
      environment = ("NOVITA_BASE_URL=%s NOVITA_API_KEY=sk_spec"):format(answering.sim.url),
    })
    session:type(":Novita hello there", "Enter")
    session:wait_for("\nYou asked: \"hello there\"")
  end

  it("has one for lazy.nvim", function()
    answers(("local spec = %s\nspec.config { dir = %q }"):format(blocks[1], editor.root))
  end)

  it("has one for vim.pack", function()
    answers("vim.pack = { add = function(list) assert(list[1] == '<repository>') end }\n"
      .. blocks[2])
  end)
end)
