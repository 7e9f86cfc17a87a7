--- Answers streamed into the buffer: a small plugin over novita.
---
--- place.lua is the position of the text, key.lua the mapping of <C-c> during an answer. The pieces
--- of an answer form one undo step, unless the buffer is edited in between.
-- luacheck: globals vim

local key = require("novita_answer.key")
local place = require("novita_answer.place")

local api = vim.api

local answer = {}

local failures = api.nvim_create_namespace("novita_answer_failures")

local settings = {
  model = "meta-llama/llama-3.3-70b-instruct",
  system_prompt = "You are helping in a text editor. Answer briefly, in plain text.",
  options = {}, -- for novita.new: base_url, api_key, time-outs ...
}

local client

-- Settings ----------------------------------------------------------------------------------------

local function check(changes)
  if type(changes) ~= "table" then return "a table expected, got " .. type(changes) end
  for name, value in pairs(changes) do
    local expected = settings[name] and type(settings[name])
    if not expected then
      local names = vim.tbl_keys(settings)
      table.sort(names)
      return ("there is no '%s'; there are %s"):format(tostring(name), table.concat(names, ", "))
    elseif type(value) ~= expected then
      return ("%s: %s expected, got %s"):format(name, expected, type(value))
    end
  end
end

--- Changes the settings, and makes the command :Novita.
---@param changes? { model?: string, system_prompt?: string, options?: novita.Options }
function answer.setup(changes)
  local problem = changes ~= nil and check(changes)
  if problem then error("novita_answer.setup: " .. problem, 2) end
  settings = vim.tbl_extend("force", settings, changes or {})
  client = nil
  if vim.fn.exists(":Novita") == 0 then vim.cmd("runtime plugin/novita_answer.lua") end
end

-- Messages ----------------------------------------------------------------------------------------

-- The messages for the user.
local meanings = {
  no_key = "there is no key: set $NOVITA_API_KEY before Neovim starts",
  authentication = "the key in $NOVITA_API_KEY is not accepted",
  permission = "this key may not do that, or the account is empty",
  not_found = "there is no such model",
  rate_limit = "too many requests; try again in a minute",
  connection = "the server can't be reached",
  timeout = "the server took too long",
  stream_truncated = "the answer broke off",
}

local function explain(err)
  if err.kind == "cancelled" then return "stopped" end
  if err.kind == "config" and err.param == "api_key" then return meanings.no_key end
  if err.phase == "stream" then return meanings.stream_truncated end
  return meanings[err.kind] or err.message
end

-- One line, short enough not to ask for <Enter>.
local function notify(text, level)
  text = ("novita: " .. text):gsub("%s+", " ")
  vim.notify(vim.fn.strcharpart(text, 0, vim.o.columns - 12), vim.log.levels[level])
end

-- In one line below, and in full beside the text.
local function show_failure(self, err)
  if err.kind == "cancelled" then return notify("stopped", "INFO") end
  notify(explain(err), "ERROR")
  vim.diagnostic.set(failures, self.buffer, {
    { lnum = self.place:row(), col = 0, source = "novita", severity = vim.diagnostic.severity.ERROR,
      message = "novita: " .. explain(err) .. "\n" .. tostring(err) },
  })
end

-- Stopping ----------------------------------------------------------------------------------------

local running = {} -- buffer -> { answers = those on their way, map = the user's <C-c>, autocmd }

local function stop_all(buffer)
  for self in pairs(running[buffer] and running[buffer].answers or {}) do
    if self.handle then self.handle:cancel() end
  end
end

local function begin(self)
  local buffer = self.buffer
  local function stop() stop_all(buffer) end
  running[buffer] = running[buffer] or {
    answers = {}, map = key.borrow(buffer, stop),
    autocmd = api.nvim_create_autocmd("BufUnload", { buffer = buffer, callback = stop }),
  }
  running[buffer].answers[self] = true
end

local function finish(self)
  local here = running[self.buffer]
  here.answers[self] = nil
  if next(here.answers) then return end
  running[self.buffer] = nil
  pcall(api.nvim_del_autocmd, here.autocmd) -- gone already if the buffer is
  if api.nvim_buf_is_loaded(self.buffer) then key.restore(self.buffer, here.map) end
end

-- Asking ------------------------------------------------------------------------------------------

-- The prompt goes out as it was typed, {{braces}} and all: only {{selection}} is replaced.
local function prompt_of(command)
  local lines = api.nvim_buf_get_lines(0, command.line1 - 1, command.line2, true)
  local selection = table.concat(lines, "\n")
  local prompt, count = command.args:gsub("{{%s*selection%s*}}", function() return selection end)
  if command.range > 0 and count == 0 then prompt = prompt .. "\n\n" .. selection end
  return prompt
end

local PRESETS = { aggressive = 10, none = 1 }

local function attempts_of(retry)
  if type(retry) ~= "table" then return PRESETS[retry] or 5 end
  return retry.attempts or attempts_of(retry.preset)
end

-- Shows that an attempt has failed, and goes on to what the user's own `before` does.
local function before_retry(self)
  local retry = settings.options.retry
  return function(attempt, err, delay)
    self.place:show(("trying again, %d of %d: %s (<C-c> stops)"):format(attempt + 1,
      attempts_of(retry), explain(err)))
    if type(retry) == "table" and retry.before then retry.before(attempt, err, delay) end
  end
end

local function handlers_of(self)
  return {
    on_text = function(text)
      self.problem = self.place:write(text)
      if self.problem then return false end
    end,
    on_done = function(_, err)
      finish(self)
      if not api.nvim_buf_is_loaded(self.buffer) then return end
      if self.problem then notify("stopped: " .. self.problem, "WARN") end
      if err then show_failure(self, err) end
      self.place:remove()
    end,
  }
end

local function start(self, prompt)
  client = client or require("novita").new(settings.options)
  assert(require("novita").version) -- loads the C module, or says why not
  self.handle = client:start({
    model = settings.model, system_prompt = settings.system_prompt, message = prompt,
  }, handlers_of(self), { retry = { before = before_retry(self) } })
end

-- Returns the text of a Lua error without its position and without the paths that were searched.
local function reason(err)
  err = tostring(err)
  if err:find("module 'novita' not found", 1, true) then
    return "the module 'novita' is not on the runtime path; see examples/neovim/README.md in it"
  end
  return err:gsub("^%S-:%d+: ", ""):gsub("^novita: ", ""):match("[^\n]*")
end

--- Runs the command: `command` is what nvim_create_user_command gives.
function answer.ask(command)
  local buffer = api.nvim_get_current_buf()
  if not vim.bo[buffer].modifiable then return notify("this buffer can't be changed", "ERROR") end
  local self = { buffer = buffer, place = place.new(buffer, command.line2 - 1) }
  vim.diagnostic.reset(failures, buffer)
  self.place:show(("asking %s, <C-c> stops"):format(settings.model))
  begin(self)
  local ok, err = pcall(start, self, prompt_of(command))
  if ok then return end
  finish(self)
  self.place:remove()
  notify(reason(err), "ERROR")
end

return answer
