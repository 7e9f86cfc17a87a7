--- Which loop code waits in, if its options don't name one.

local loops = {}

local function in_neovim()
  local vim = rawget(_G, "vim")
  return type(vim) == "table" and (vim.uv or vim.loop) ~= nil and vim.schedule ~= nil
end

--- The loop of the program that runs this code: Neovim's, nginx's, or for scripts our own.
---@return table loop
function loops.here()
  if in_neovim() then return require("novita.loop.uv") end
  if rawget(_G, "ngx") then return require("novita.loop.ngx") end
  return require("novita.loop.poll")
end

return loops
