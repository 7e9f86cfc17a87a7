--- Assembles the chunks of a stream into the reply that a plain call returns. A plain reply of odd
--- shape passes through the same code, so that both give the same table.
---
--- Pure. What servers send is listed in doc/answers.md.

local choices = require("novita.stream.choice")
local each = require("novita.compat").each
local content = require("novita.stream.content")
local core = require("novita.core")
local fields = require("novita.stream.fields")
local next = require("novita.compat").next
local tables = require("novita.tables")
local tool_calls = require("novita.stream.tool_calls")
local coerce = require("novita.stream.coerce")

local filled = fields.filled

local accumulator = {}

-- `over`: has every choice that was asked for its finish reason? Then only usage is to come.
local methods = {}

-- Of these the first value that is not empty is kept, since some servers change them from chunk to
-- chunk; of all others the last. usage arrives last, with the finish reason, or in every chunk.
local IDENTITY = { id = true, created = true, model = true }

-- The methods of a reply: a member of such a name would hide them, and stands in reply.other.
local METHODS = { text = true, json = true, tool_calls = true }

local function add_top_field(reply, name, value)
  if METHODS[name] then
    reply.other = type(reply.other) == "table" and reply.other or {}
    reply = reply.other
  end
  local old = reply[name]
  local kept = IDENTITY[name] and filled(old) and old ~= 0
  if not kept and (filled(value) or old == nil) then reply[name] = value end
end

-- Returns the choices of a chunk as a list: some servers send a single one outside a list.
local function list_of(value)
  if value == nil or value == false or value == "" then return {} end
  if type(value) ~= "table" then return nil, "choices is not a list" end
  if value[1] ~= nil or next(value) == nil then return value end
  if value.delta ~= nil or value.message ~= nil then return { value } end
  return nil, "choices is not a list"
end

-- Returns the index of a part. In a whole reply choices stay apart, even with equal indices.
local function index_of(self, part, position, whole)
  local index = part.index
  if index == nil then index = position - 1 end
  if not tool_calls.valid_index(index) then
    return nil, "the index of a choice is not an integer of 0 to 127"
  end
  while whole and self.choices[index] do index = index + 1 end
  return index
end

local function add_choice(self, part, position, whole)
  if not coerce.is_object(part) then return "a choice is not an object" end
  local choice = self.choices[part.index]
  if not choice or whole then
    local index, odd = index_of(self, part, position, whole)
    if odd then return odd end
    choice = self.choices[index]
    if not choice then
      choice, self.count = choices.new(), self.count + 1
      self.choices[index] = choice
    end
  end
  local problem = choices.add(choice, part, whole)
  if part.finish_reason or self.over then
    self.over = self.count >= (self.several or 1) and self:complete()
  end
  if choice.failure then self.failure = choice.failure end
  return problem
end

-- The first choice is the one with the lowest index. With several choices it is known when index 0
-- arrives, or at the end.
local function find_first(self, ended)
  local lowest
  for index in each(self.choices) do
    if not lowest or index < lowest then lowest = index end
  end
  if lowest == 0 or ended or not self.several then self.first = lowest end
end

--- Adds a chunk.
---@param chunk table
---@param whole boolean? is it all of the reply?
---@return string? problem why the chunk can't be part of any reply
function methods:add(chunk, whole)
  local reply = self.reply
  if whole then self.whole = true end
  for name, value in each(chunk) do
    if value ~= reply[name] and name ~= "choices" then add_top_field(reply, name, value) end
  end
  local list = chunk.choices
  if type(list) ~= "table" or list[1] == nil then
    local problem
    list, problem = list_of(list)
    if problem then return problem end
  end
  for position, part in ipairs(list) do
    local problem = add_choice(self, part, position, whole)
    if problem then return problem end
  end
  return nil
end

-- Has a chunk, beside its choices, what the reply has not?
local function brings_more(reply, chunk)
  return chunk.id ~= reply.id or chunk.model ~= reply.model or chunk.created ~= reply.created
    or chunk.object ~= reply.object or chunk.system_fingerprint ~= reply.system_fingerprint
end

--- Adds a chunk that only appends text to choice 0: the fast path of nearly all chunks.
---@param chunk table|true true: the last one again, but for the text
---@param text string
---@return string? text nil if it is for add(), or empty
function methods:take(chunk, text)
  local choice = self.first == 0 and self.choices[0]
  if not choice or text == "" then return nil end
  if chunk ~= true and brings_more(self.reply, chunk) then return nil end
  return content.take(choice, text)
end

--- Returns the text of the first choice that has arrived since the last call of this, or nil.
---@param ended boolean? will no more come?
---@return string?
function methods:news(ended)
  if not self.first then find_first(self, ended) end
  return self.first and content.news(self.choices[self.first])
end

--- Returns whether there is a choice and every choice has its finish reason.
---@return boolean
function methods:complete()
  for _, choice in each(self.choices) do
    if not choice.finish_reason then return false end
  end
  return next(self.choices) ~= nil
end

--- Returns whether the reply is complete at [DONE]: every choice has its finish reason, or none has
--- and usage has arrived, since two providers never send a reason.
---@return boolean whether the reply is whole
function methods:conclude()
  local complete = self:complete()
  if not complete and next(self.choices) and type(self.reply.usage) == "table" then
    complete = true
    for _, choice in each(self.choices) do complete = complete and not choice.finish_reason end
  end
  self.whole = self.whole or complete
  return self.whole
end

local function indices_of(self)
  local indices = {}
  for index in each(self.choices) do indices[#indices + 1] = index end
  table.sort(indices, function(a, b)
    if a == b or b == self.first then return false end
    return a == self.first or a < b
  end)
  return indices
end

--- Returns the reply so far in the shape of a plain reply; `incomplete` unless it is complete.
---@return novita.Reply
function methods:build()
  local reply = tables.merged(self.reply)
  reply.object, reply.choices = reply.object and "chat.completion", {}
  for position, index in ipairs(indices_of(self)) do
    reply.choices[position] = choices.build(self.choices[index], index)
  end
  reply.incomplete = not (self.whole or self:complete()) or nil
  return core.reply(reply)
end

--- Returns why a complete reply is unusable (a tool call that can't be made), or nil.
---@param reply novita.Reply what build() gave
---@return string? problem
function accumulator.check(reply)
  for _, choice in ipairs(reply.choices) do
    local problem = tool_calls.check(choice.message.tool_calls)
    if problem then return problem end
  end
  return nil
end

local mt = { __index = methods }

--- Makes an empty accumulator.
---@param n any how many choices were asked for
function accumulator.new(n)
  n = tonumber(n) or 1
  return setmetatable({ reply = {}, choices = {}, count = 0, several = n > 1 and n or nil }, mt)
end

return accumulator
