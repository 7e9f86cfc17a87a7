--- The place of an answer in a buffer: extmarks, which move with the user's own edits.
---
--- Until the first text comes, one mark holds the line above the answer and shows a hint. Then two
--- marks stand around the text. Text that the user adds at either end stays outside of them.
-- luacheck: globals vim unpack

local api = vim.api

local TAIL = 8 -- bytes of the last line that are compared with the buffer before more is written

local space = api.nvim_create_namespace("novita_answer")

local methods = {}
local mt = { __index = methods }

local function mark(self, id, row, column, options)
  options.id = id
  return api.nvim_buf_set_extmark(self.buffer, space, row, column, options)
end

-- Row and column of a mark, from 0; nil if it was removed.
local function position(self, id)
  return unpack(api.nvim_buf_get_extmark_by_id(self.buffer, space, id, {}))
end

-- The hint ----------------------------------------------------------------------------------------

--- Shows what the answer waits for, behind the line above it.
---@param hint string
function methods:show(hint)
  if self.first or not api.nvim_buf_is_loaded(self.buffer) then return end
  local row = position(self, self.above)
  if not row then return end
  mark(self, self.above, row, 0, { virt_text = { { "  " .. hint, "Comment" } } })
end

--- The line that a message about the answer belongs to.
---@return integer row
function methods:row()
  local row = position(self, self.last or self.above) or 0
  return math.min(row, api.nvim_buf_line_count(self.buffer) - 1)
end

-- Text --------------------------------------------------------------------------------------------

local function undo_sequence()
  return vim.fn.undotree().seq_cur
end

local function insert_line(self, row)
  api.nvim_buf_set_lines(self.buffer, row, row, true, { "" })
  self.tail = ""
  return row, 0, true
end

-- Where the next piece goes. If the user has changed what stands just before or behind the end, it
-- goes to a line of its own: no two words are joined into one.
local function next_position(self)
  local count = api.nvim_buf_line_count(self.buffer)
  if not self.first then return insert_line(self, math.min(self:row() + 1, count)) end
  local row, column = position(self, self.last)
  if row >= count then return insert_line(self, count) end
  local line = api.nvim_buf_get_lines(self.buffer, row, row + 1, true)[1]
  local before, behind = line:sub(1, column), line:sub(column + 1)
  local ours = vim.endswith(before, self.tail) and (self.tail ~= "" or before == "")
  if behind == "" and ours then return row, column end
  return insert_line(self, before == "" and row or row + 1)
end

-- Joins the next change to the piece before as one step of undo, unless there were edits since.
local function join_undo(self)
  if api.nvim_buf_get_changedtick(self.buffer) == self.tick then vim.cmd("silent! undojoin") end
end

local function append(self, text)
  join_undo(self)
  local row, column, is_new = next_position(self)
  if is_new and self.first then text = text:gsub("^ ", "") end -- it was between two words
  local lines = vim.split(text, "\n", { plain = true })
  api.nvim_buf_set_text(self.buffer, row, column, row, column, lines)
  self.first = self.first or mark(self, nil, row, column, {})
  column = (#lines == 1 and column or 0) + #lines[#lines]
  self.last = mark(self, self.last, row + #lines - 1, column, { right_gravity = false })
  self.tail = ((#lines == 1 and self.tail or "") .. lines[#lines]):sub(-TAIL)
  self.tick = api.nvim_buf_get_changedtick(self.buffer)
  self.sequence = undo_sequence()
end

-- Has the user deleted all of the text? Then the marks have met.
local function is_deleted(self)
  local row, column = position(self, self.first)
  local last_row, last_column = position(self, self.last)
  if not (row and last_row) then return true end
  return row > last_row or (row == last_row and column >= last_column)
end

-- Returns why nothing can be written here any more, or nil.
local function obstacle(self)
  if not vim.bo[self.buffer].modifiable then return "this buffer can't be changed any more" end
  if not self.first then return nil end
  if undo_sequence() < self.sequence then return "the answer was taken back" end
  if is_deleted(self) then return "its text was deleted" end
end

local function write(self, text)
  local problem = obstacle(self)
  if not problem and text ~= "" then append(self, text) end
  return problem
end

--- Writes the next piece of the answer.
---@param text string
---@return string? problem why the answer can't go on
function methods:write(text)
  if not api.nvim_buf_is_loaded(self.buffer) then return "its buffer was closed" end
  local problem
  local ok, err = pcall(api.nvim_buf_call, self.buffer, function() problem = write(self, text) end)
  if ok then return problem end
  return "the text can't be written: " .. tostring(err):gsub("^.-(E%d+:)", "%1"):match("[^\n]*")
end

--- Removes the marks and the hint; the text stays.
function methods:remove()
  if api.nvim_buf_is_loaded(self.buffer) then
    for _, id in pairs { self.above, self.first, self.last } do
      api.nvim_buf_del_extmark(self.buffer, space, id)
    end
  end
end

local place = {}

--- Makes the place below a line.
---@param buffer integer
---@param row integer of that line, from 0
function place.new(buffer, row)
  local self = setmetatable({ buffer = buffer, tail = "" }, mt)
  self.above = mark(self, nil, row, 0, {})
  return self
end

return place
