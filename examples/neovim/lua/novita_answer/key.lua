--- <C-c> in a buffer, lent to the plugin while answers are on their way there.
-- luacheck: globals vim

local api = vim.api

local OURS = "Stop the answer"
local ATTRIBUTES = { "noremap", "silent", "expr", "nowait", "script", "replace_keycodes" }

local key = {}

local function find(buffer)
  for _, map in ipairs(api.nvim_buf_get_keymap(buffer, "n")) do
    if map.lhs:lower() == "<c-c>" then return map end
  end
end

--- Maps <C-c> to a function. Returns the user's own map of this buffer, for restore().
---@param buffer integer
---@param fn function
---@return table? map
function key.borrow(buffer, fn)
  local map = find(buffer)
  vim.keymap.set("n", "<C-c>", fn, { buffer = buffer, nowait = true, desc = OURS })
  return map
end

--- Gives <C-c> back. A map that the user has made meanwhile stays.
---@param buffer integer
---@param map? table
function key.restore(buffer, map)
  local now = find(buffer)
  if not (now and now.desc == OURS) then return end
  api.nvim_buf_del_keymap(buffer, "n", "<C-c>")
  if not map then return end
  local options = { callback = map.callback, desc = map.desc }
  for _, name in ipairs(ATTRIBUTES) do
    local value = map[name]
    if value ~= nil then options[name] = value == 1 or value == true end
  end
  api.nvim_buf_set_keymap(buffer, "n", "<C-c>", map.rhs or "", options)
end

return key
