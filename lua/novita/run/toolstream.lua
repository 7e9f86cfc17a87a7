--- A run as a stream: the chunks and the text of all its turns in sequence. next() makes the tool
--- calls between two turns.
---
--- The methods and the end are those of novita.Stream.

local calls = require("novita.run.calls")
local compat = require("novita.compat")
local core = require("novita.core")
local misuse = require("novita.misuse")
local reading = require("novita.stream.reading")
local tools = require("novita.run.tools")

local toolstream = {}

---@class novita.ToolStream: novita.Stream
---@field private run table
---@field private inner? novita.Stream of the turn
---@field private between? boolean true while the calls of a turn are made
---@field private reply_value? novita.Reply once it has ended
local methods = {}
local mt = { __name = "novita.stream", __index = methods }

local function is_over(self)
  return self.err ~= nil or self.reply_value ~= nil
end

local function conclude(self, reply, info, err)
  self.reply_value, self.info, self.err = reply, info or self.info, err
  local on_end = self.on_end
  self.on_end = nil
  if on_end then on_end(reply, err or info) end
end

local function fail(self, err)
  if is_over(self) then return nil, self.err end
  tools.fail(self.run, err)
  conclude(self, nil, nil, err)
  return nil, err
end

local function open(self)
  local inner, err = tools.ask(self.run, "stream")
  if not inner then return nil, err end
  self.inner, self.info = inner, inner.info
  return inner
end

-- Makes the tool calls of a turn that has ended and opens the next turn, if there is one.
local function go_on(self, reply, info)
  local again, err = tools.take(self.run, reply, info)
  if again and not is_over(self) then return open(self) end
  return again, err
end

-- Starts the next turn, or ends the stream. An error that a tool raises ends the stream and is
-- raised here. Only one reader may do this: a second one would run the tools again.
local function end_turn(self)
  if self.between then misuse.raise("the tools of this stream are running; read it later") end
  self.between = true
  local reply, info = self.inner:reply()
  if not reply then return fail(self, info) end
  local ok, again, err = compat.pcall(go_on, self, reply, info)
  self.between = false
  if not ok then
    fail(self, core.error { kind = "callback_error", message = "a function raised an error" })
    error(again, 0)
  end
  if is_over(self) then -- meanwhile, by another task
    self.inner:cancel()
  elseif again == nil then
    fail(self, err)
  elseif not again then
    conclude(self, tools.finish(self.run, reply, info))
  end
  return nil, self.err
end

-- Returns the next chunk of this turn. Text that arrived at its end without a chunk is kept.
local function next_chunk(self, seconds)
  local inner = self.inner
  local chunk, err = inner:next(seconds)
  if inner.said then self.held = (self.held or "") .. inner.said end
  if chunk == nil and not err then return end_turn(self) end
  if err then return fail(self, err) end
  return chunk
end

--- Returns the next chunk of any turn.
---@param seconds? number to wait for it at most; the calls of tools take the time that they need
---@return table|false|nil chunk nil at the end; false when the time was up
---@return novita.Error? err when it is not a good end
function methods:next(seconds)
  local chunk
  self.said = nil
  while chunk == nil and not is_over(self) do chunk = next_chunk(self, seconds) end
  if chunk ~= false then self.said, self.held = self.held, nil end
  return chunk, self.err
end

--- Returns the next piece of the text of any turn.
---@param seconds? number as for next()
---@return string|false|nil text nil at the end; false when the time was up
---@return novita.Error? err when it is not a good end
function methods:next_text(seconds)
  local text = self.held
  self.said, self.held = nil, nil
  while text == nil and not is_over(self) do
    local piece, err = self.inner:next_text(seconds)
    if err then return fail(self, err) end
    if piece == nil then end_turn(self) end
    text = piece
  end
  self.said = text or nil
  return text, not text and self.err or nil
end

-- Over the chunks, and over the text, of all turns.
methods.chunks, methods.text = reading.loops(methods.next, methods.next_text)

--- Reads to the end and returns the reply of the last turn, with the usage of all turns.
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info
function methods:reply()
  repeat
    local text, err = self:next_text()
    if err then return nil, err end
  until not text
  return self.reply_value, self.info
end

--- Cancels the call in flight and the tools at once.
function methods:cancel()
  if is_over(self) then return end
  self.inner:cancel()
  calls.stop(self.run, "cancelled")
  fail(self, self.inner.err or calls.stop_error(self.run))
end

mt.__close = methods.cancel

--- Stops at once and returns the partial reply of this turn.
---@return novita.Reply reply its field incomplete is true, unless it was whole by then
---@return novita.Info info
function methods:stop()
  if self.reply_value then return self.reply_value, self.info end
  local reply, info = self.inner:stop()
  if self.err then return reply, info end
  calls.stop(self.run, "cancelled")
  tools.note_turn(self.run, reply, info)
  conclude(self, tools.finish(self.run, reply, info))
  return reply, info
end

function mt.__tostring(self)
  local state = self.err and self.err.kind or self.reply_value and "ended" or "open"
  return ("novita.stream (%s)"):format(state)
end

misuse.guard("stream", mt)

--- Opens a run as a stream; returns once the headers of its first turn have arrived.
---@param client novita.Client
---@param request novita.Request
---@param settings novita.Settings the client's
---@param history? novita.Message[]
---@return novita.ToolStream? stream nil on failure
---@return novita.Error? err
function toolstream.open(client, request, settings, history)
  local run, err = tools.begin(client, request, settings, history)
  if not run then return nil, err end
  local self = setmetatable({ run = run }, mt)
  local inner, problem = open(self)
  if not inner then return tools.fail(run, problem) end
  return self
end

return toolstream
