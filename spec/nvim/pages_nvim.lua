-- The programs of doc/neovim.md and of :help novita run as they stand, in Neovim, and what they ask
-- is answered.

local editor = require("spec.support.editor")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local HARNESS = [[
local notes = {}
vim.notify = function(text) notes[#notes + 1] = text end
_G.print = vim.notify
local function shown()
  local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  return table.concat(lines, "\n") .. table.concat(notes)
end
do %s
end
if vim.fn.exists(":Novita") == 2 then vim.cmd("Novita Hi") end
if not vim.wait(5000, function() return shown():find("You asked: ", 1, true) ~= nil end, 2) then
  error("not answered: " .. shown())
end
return shown()
]]

local function blocks(path, pattern)
  local list = {}
  for block in files.read(path):gmatch(pattern) do
    if block:find("require", 1, true) then list[#list + 1] = block end
  end
  return list
end

for path, pattern in pairs {
  ["doc/neovim.md"] = "\n```lua\n(.-)\n```", ["doc/novita.txt"] = "\n>\n(.-)\n[<=]",
} do
  describe(path, function()
    local programs = blocks(path, pattern)
    for number, block in ipairs(programs) do
      it("has a program " .. number .. " that is answered", function()
        local sim = simulator.shared()
        sim:reset()
        local shown = editor.run(HARNESS:gsub("%%s", function() return block end), {
          environment = "NOVITA_API_KEY=sk_page NOVITA_BASE_URL=" .. sim.url,
        })
        assert.is_truthy(shown:find('You asked: "', 1, true), shown)
        assert.are.equal(1, #sim:journal())
      end)
    end

    it("has programs", function()
      assert.is_true(#programs >= 2)
    end)
  end)
end
