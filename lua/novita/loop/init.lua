--- Which loop code waits in, if its options don't name one; and what the pure parts see of it.

local core = require("novita.core")

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

local environments = setmetatable({}, { __mode = "k" })

--- What the pure parts (retry, limit) need of a loop: its clock, sleep ...
---@param loop table
---@return novita.RetryEnv
function loops.environment(loop)
  environments[loop] = environments[loop] or {
    now = loop.now, time = os.time, random = core.random, error = core.error,
    task = loop.current, wake = loop.wake,
    sleep = function(seconds)
      if loop.sleep(seconds) then return true end
      return nil, core.error { kind = "cancelled", message = "cancelled while waiting" }
    end,
  }
  return environments[loop]
end

return loops
