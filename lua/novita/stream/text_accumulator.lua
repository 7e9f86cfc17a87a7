--- Accumulates the chunks of a streamed text completion into the table of a plain answer.

local coerce = require("novita.stream.coerce")
local compat = require("novita.compat")
local tables = require("novita.tables")

local next = compat.next

local accumulator = {}

---@class novita.TextAccumulator
local Accumulator = {}
local meta = { __index = Accumulator, __name = "novita.text_accumulator" }

local function choice_at(self, index)
  local choice = self.choices[index]
  if not choice then
    choice = { index = index, pieces = {} }
    self.choices[index] = choice
    self.open = self.open + 1
  end
  return choice
end

local function add_choice(self, given, position)
  if type(given) ~= "table" then return "a choice is no object" end
  local index = type(given.index) == "number" and given.index or position - 1
  local choice = choice_at(self, index)
  local text = given.text == nil and "" or coerce.text(given.text)
  if not text then return "the text of a choice is not a text" end
  if text ~= "" then
    choice.pieces[#choice.pieces + 1] = text
    if index == 0 then self.latest = (self.latest or "") .. text end
  end
  if not choice.finish_reason then
    choice.finish_reason = coerce.reason(given.finish_reason)
    if choice.finish_reason then self.open = self.open - 1 end
  end
end

--- Adds a chunk; returns what is wrong with it, or nil.
---@param chunk table
---@return string? problem
function Accumulator:add(chunk)
  for name, value in compat.each(chunk) do
    if name ~= "choices" then self.reply[name] = value end
  end
  for position, choice in ipairs(type(chunk.choices) == "table" and chunk.choices or {}) do
    local problem = add_choice(self, choice, position)
    if problem then return problem end
  end
  self.over = self:complete()
end

--- Returns the new text of the first choice, once.
---@return string?
function Accumulator:news()
  local latest = self.latest
  self.latest = nil
  return latest
end

--- Returns whether every choice has its finish reason.
---@return boolean
function Accumulator:complete()
  return self.open == 0 and next(self.choices) ~= nil
end

--- Returns whether the answer is complete at [DONE].
---@return boolean
function Accumulator:conclude() return self:complete() end

--- Returns the answer so far.
---@return novita.Completion
function Accumulator:build()
  local own = { choices = {}, incomplete = not self:complete() or nil }
  local whole, indices = tables.merged(own, self.reply), {}
  for index in compat.each(self.choices) do indices[#indices + 1] = index end
  table.sort(indices)
  for position, index in ipairs(indices) do
    local choice = self.choices[index]
    whole.choices[position] = {
      index = index, text = table.concat(choice.pieces), finish_reason = choice.finish_reason,
    }
  end
  return whole
end

--- Returns what is wrong with the answer: nothing is checked here.
---@return nil
function Accumulator.check() return nil end

--- Makes an empty one.
---@return novita.TextAccumulator
function accumulator.new()
  return setmetatable({ choices = {}, reply = {}, open = 0, over = false }, meta)
end

return accumulator
