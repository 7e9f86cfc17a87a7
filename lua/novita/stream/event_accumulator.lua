--- Accumulator of event streams that are neither chats nor completions: keeps the last event, which
--- in most protocols holds the whole answer or marks the end.
---
--- A stream ends with [DONE] or with the body; a body that its framing says is truncated is an
--- error of the transfer.

local tables = require("novita.tables")

local accumulator = {}

---@class novita.EventAccumulator
local Accumulator = {}
local meta = { __index = Accumulator, __name = "novita.event_accumulator" }

--- Adds an event.
---@param chunk table
function Accumulator:add(chunk)
  self.reply = chunk
end

--- Returns the new text: events have none.
---@return nil
function Accumulator.news() return nil end

--- Returns whether the stream may end without [DONE].
---@return boolean
function Accumulator.complete() return true end

--- Returns whether the stream is complete at [DONE].
---@return boolean
function Accumulator.conclude() return true end

--- Returns a copy of the last event.
---@return table
function Accumulator:build()
  return tables.merged(self.reply)
end

--- Returns what is wrong with the result: nothing is checked here.
---@return nil
function Accumulator.check() return nil end

--- Makes an empty one.
---@return novita.EventAccumulator
function accumulator.new()
  return setmetatable({ reply = {} }, meta)
end

return accumulator
