-- The plugin of examples/neovim in a terminal, for its specs.
--
--   local session = answering.open([[Setup { retry = "none" }]])
--   session:type(":Novita hello", "Enter")
--   answering.ask(session, "lines()")            what a Lua expression is in the editor now
--   answering.begin(), answering.close()         before and after each test

local editor = require("spec.support.editor")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local answering = {
  sim = simulator.shared(),
  rtp = { editor.root, editor.root .. "/examples/neovim" },
}

local SETUP = [[
  vim.cmd("set shortmess+=I noshowcmd")
  vim.cmd("runtime! plugin/novita_answer.lua")
  function _G.Setup(options)
    options.base_url = options.base_url or %q
    if options.api_key == nil then options.api_key = "sk_spec" end
    require("novita_answer").setup { model = "simulator/echo", options = options }
  end
  function _G.lines() return vim.api.nvim_buf_get_lines(0, 0, -1, false) end
  function _G.messages() return vim.api.nvim_exec("messages", true) end
]]

local session

--- Starts Neovim with the plugin; code runs first, after Setup {} unless options.bare.
---@param code? string
---@param options? table as for editor.terminal
---@return table session
function answering.open(code, options)
  options = options or {}
  options.rtp = options.rtp or answering.rtp
  local setup = SETUP:format(answering.sim.url) .. (options.bare and "" or "Setup {} ")
  session = editor.terminal(setup .. (code or ""), options)
  return session
end

--- Sets the lines of the buffer: code for open().
---@param ... string
---@return string code
function answering.lines(...)
  local list = {}
  for index, line in ipairs { ... } do list[index] = ("%q"):format(line) end
  return ("vim.api.nvim_buf_set_lines(0, 0, -1, false, { %s })"):format(table.concat(list, ", "))
end

--- What a Lua expression is in the editor now.
function answering.ask(expression)
  os.remove(session.folder .. "/result")
  session:type("Escape", ":lua report({ " .. expression .. " })", "Enter")
  return session:result()[1]
end

--- A step of the simulator: an answer in these pieces.
---@param pieces string[]
---@param pace number
function answering.pieces(pieces, pace)
  local events = {}
  for index, piece in ipairs(pieces) do events[index] = streaming.chunk(piece) end
  events[#events + 1] = streaming.finish("stop")
  return { pace = pace, events = events }
end

--- Has the simulator answer as if it were new.
function answering.begin()
  answering.sim:reset()
end

--- Ends Neovim.
function answering.close()
  if session then session:stop() end
  session = nil
end

return answering
