--- Answers streamed into the buffer: a small plugin over novita.
---
--- Text is written where a mark stands, which moves with the user's own edits. Its pieces are
--- joined to one step of undo, as long as nobody else edits in between.
-- luacheck: globals vim unpack

local novita = require("novita")

local answer = {}

local space = vim.api.nvim_create_namespace("novita_answer")

local settings = {
  model = "meta-llama/llama-3.3-70b-instruct",
  system_prompt = "You are helping in a text editor. Answer briefly, in plain text.",
  options = {}, -- for novita.new: base_url, api_key, time-outs ...
}

local client

--- Changes the settings: model, system_prompt, options.
function answer.setup(changes)
  settings = vim.tbl_extend("force", settings, changes or {})
  client = nil
end

-- What a failure means to the person at the keyboard.
local meanings = {
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
  if err.phase == "stream" then return meanings.stream_truncated end
  return meanings[err.kind] or err.message
end

-- The answer's place -----------------------------------------------------------------------------

local function position(self)
  return unpack(vim.api.nvim_buf_get_extmark_by_id(self.buffer, space, self.mark, {}))
end

-- A line that says that something is coming, beside the place.
local function show_waiting(self)
  self.hint = vim.api.nvim_buf_set_extmark(self.buffer, space, self.row, 0, {
    virt_text = { { "  asking " .. settings.model .. ", <C-c> stops", "Comment" } },
  })
end

local function hide_waiting(self)
  if self.hint then vim.api.nvim_buf_del_extmark(self.buffer, space, self.hint) end
  self.hint = nil
end

local function undo_sequence()
  return vim.fn.undotree().seq_cur
end

-- One step of undo with the piece before, if nothing was edited since.
local function join_undo(self)
  if vim.api.nvim_buf_get_changedtick(self.buffer) == self.tick then
    vim.cmd("silent! undojoin")
  end
end

local function open_line(self)
  hide_waiting(self)
  vim.api.nvim_buf_set_lines(self.buffer, self.row + 1, self.row + 1, true, { "" })
  self.mark = vim.api.nvim_buf_set_extmark(self.buffer, space, self.row + 1, 0, {})
end

local function write(self, text)
  if self.mark then join_undo(self) else open_line(self) end
  local row, column = position(self)
  vim.api.nvim_buf_set_text(self.buffer, row, column, row, column, vim.split(text, "\n"))
  self.tick = vim.api.nvim_buf_get_changedtick(self.buffer)
  self.sequence = undo_sequence()
end

-- Who closes the buffer, or takes the answer back, has had enough of it.
local function unwanted(self)
  if not vim.api.nvim_buf_is_loaded(self.buffer) then return true end
  return self.sequence and vim.api.nvim_buf_call(self.buffer, undo_sequence) < self.sequence
end

-- Keys and messages ------------------------------------------------------------------------------

local running = {} -- buffer -> the answers on their way

local function stop_all(buffer)
  for self in pairs(running[buffer] or {}) do self.handle:cancel() end
end

local function begin(self)
  local buffer = self.buffer
  vim.diagnostic.reset(space, buffer)
  show_waiting(self)
  if not running[buffer] then
    running[buffer] = {}
    vim.keymap.set("n", "<C-c>", function() stop_all(buffer) end,
      { buffer = buffer, desc = "Stop the answer" })
  end
  running[buffer][self] = true
end

local function finish(self)
  local buffer = self.buffer
  running[buffer][self] = nil
  if next(running[buffer]) then return end
  running[buffer] = nil
  if vim.api.nvim_buf_is_loaded(buffer) then vim.keymap.del("n", "<C-c>", { buffer = buffer }) end
end

-- In one line below, and in full beside the place.
local function show_failure(self, err)
  local text, level = "novita: " .. explain(err), vim.log.levels.ERROR
  if err.kind == "cancelled" then level = vim.log.levels.INFO end
  vim.notify(text:sub(1, vim.o.columns - 12), level)
  if err.kind == "cancelled" then return end
  local row = self.mark and position(self) or self.row
  vim.diagnostic.set(space, self.buffer, {
    { lnum = row, col = 0, message = text .. "\n" .. tostring(err), source = "novita",
      severity = vim.diagnostic.severity.ERROR },
  })
end

-- Asking -----------------------------------------------------------------------------------------

local function request_of(command)
  local message = command.args
  if command.range > 0 and not message:find("{{%s*selection%s*}}") then
    message = message .. "\n\n{{selection}}"
  end
  return { model = settings.model, system_prompt = settings.system_prompt, message = message }
end

local function selection_of(command)
  return table.concat(vim.api.nvim_buf_get_lines(0, command.line1 - 1, command.line2, true), "\n")
end

--- Runs the command: `command` is what nvim_create_user_command gives.
function answer.ask(command)
  if not vim.bo.modifiable then
    return vim.notify("novita: this buffer can't be changed", vim.log.levels.ERROR)
  end
  client = client or novita.new(settings.options)
  local self = { buffer = vim.api.nvim_get_current_buf(), row = command.line2 - 1 }
  begin(self)
  self.handle = client:start(request_of(command), {
    on_text = function(text)
      if unwanted(self) then return false end
      vim.api.nvim_buf_call(self.buffer, function() write(self, text) end)
    end,
    on_done = function(_, err)
      finish(self)
      if not vim.api.nvim_buf_is_loaded(self.buffer) then return end
      hide_waiting(self)
      if err then show_failure(self, err) end
    end,
  }, { vars = { selection = selection_of(command) } })
end

return answer
