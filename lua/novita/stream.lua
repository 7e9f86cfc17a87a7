--- A streamed call: chunks as they come, their text, and the assembled reply.
---
--- A stream ends in one of two ways, and nobody can take one for the other: whole, with a finish
--- reason in every choice, or with an error. The loop forms raise that error, as io.lines does;
--- next() and reply() return it. What had arrived is in err.partial.

local core = require("novita.core")
local assemble = require("novita.assemble")

---@class novita.Stream
---@field attempts novita.Attempt[] of opening it
---@field on_end? fun(reply?: table, err?: novita.Error) told once, at whichever end
---@field info novita.Info status, headers, request id; timings are whole once the stream has ended
local methods = {}
local mt = { __name = "novita.stream", __index = methods }

local stream = {}

-- Ends the stream with an error, which every later call gives again. A transfer that a task waits
-- for stays open, or the task would never hear of it.
local function fail(self, err)
  local partial = self.assembler:build()
  partial.incomplete = true -- although all choices may have finished
  if #partial.choices > 0 then err.partial = partial end
  if not self.waiting then self.transfer:close() end
  self.err = err
  if self.on_end then self.on_end(nil, err) end
  return nil, err
end

local function failure(self, kind, text)
  return core.error {
    kind = kind, message = text, phase = "stream",
    status = self.info.status, request_id = self.info.request_id,
  }
end

-- The server has nothing more to say. Some end without [DONE], which is as good if every choice
-- has its finish reason; and [DONE] alone does not make an answer whole.
local function finish(self, err, info)
  self.transfer:close()
  self.info = info or self.info
  if err and err.kind ~= "stream_truncated" then return fail(self, err) end
  if not self.assembler:complete() then
    return fail(self, err or
      failure(self, "stream_truncated", "the stream ended without a finish reason"))
  end
  self.info.attempts = self.attempts
  self.ended = true
  if self.on_end then self.on_end(self.assembler.reply) end
  return nil
end

local function add(self, chunk)
  local problem = self.assembler:add(chunk)
  if problem then return fail(self, failure(self, "invalid_response", problem)) end
  return chunk
end

--- The next chunk, as the server sent it.
---@param seconds? number to wait for it at most
---@return table|false|nil chunk nil at the end; false when the time was up
---@return novita.Error? err when it is not a good end
function methods:next(seconds)
  if self.loop.breathe then self.loop.breathe() end
  while not (self.ended or self.err) do
    local chunk, err, info = self.transfer:next()
    if chunk then return add(self, chunk) end
    if chunk == false then return finish(self, err, info) end
    self.waiting = true
    local news = self.loop.wait(self.transfer, seconds)
    self.waiting = false
    if seconds and not news then return false end
  end
  return nil, self.err
end

-- A stream can be read once; a second loop would find nothing and look like an empty answer.
local function consume(self)
  if self.consumed then error("this stream is being read already, or has been", 3) end
  self.consumed = true
end

local function next_or_raise(self)
  local chunk, err = self:next()
  if err then error(err, 0) end
  return chunk
end

--- Iterates over the chunks: `for chunk in stream:chunks() do`. Raises the error of a bad end.
--- A loop that is left early cancels the stream: on Lua 5.4 at once, elsewhere when the stream is
--- collected.
---@return fun(self: novita.Stream): table?
---@return novita.Stream
---@return nil
---@return novita.Stream closed when the loop is left
function methods:chunks()
  consume(self)
  return next_or_raise, self, nil, self
end

--- The text in a chunk: the content of the first choice, if there is any.
---@param chunk table
---@return string?
function stream.text_of(chunk)
  local choices = chunk.choices
  local choice = type(choices) == "table" and choices[1]
  local delta = choice and (choice.index or 0) == 0 and choice.delta
  local text = type(delta) == "table" and delta.content
  if type(text) == "string" and text ~= "" then return text end
  return nil
end

local function next_text(self)
  local chunk = next_or_raise(self)
  while chunk do
    local text = stream.text_of(chunk)
    if text then return text end
    chunk = next_or_raise(self)
  end
  return nil
end

--- Iterates over the text of the first choice: `for text in stream:text() do io.write(text) end`.
--- Ends as chunks() does.
---@return fun(self: novita.Stream): string?
---@return novita.Stream
---@return nil
---@return novita.Stream closed when the loop is left
function methods:text()
  consume(self)
  return next_text, self, nil, self
end

-- A tool call that can't be made: the stream said it is whole, but it names no function.
local function check_calls(self, reply)
  for _, choice in ipairs(reply.choices) do
    for position, call in ipairs(choice.message.tool_calls or {}) do
      local lacking = not call.id and "id" or not call["function"].name and "name"
      if lacking then
        return failure(self, "invalid_response",
          ("tool call %d has no %s"):format(position, lacking))
      end
    end
  end
  return nil
end

--- Reads what is left and returns the same table that a plain call returns.
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info
function methods:reply()
  repeat
    local chunk, err = self:next()
    if err then return nil, err end
  until not chunk
  local reply = self.assembler:build()
  local err = check_calls(self, reply)
  if err then return fail(self, err) end
  return reply, self.info
end

--- Stops at once: the connection is dropped, also when the server is silent.
function methods:cancel()
  if self.ended or self.err then return end
  self.transfer:cancel()
  fail(self, failure(self, "cancelled", "the call was cancelled"))
end

mt.__close = methods.cancel

--- Stops at once, and gives what has arrived: to have enough is no failure.
---@return novita.Reply reply its field incomplete is true, unless it was whole by then
---@return novita.Info info
function methods:stop()
  local reply = self.assembler:build()
  self:cancel()
  return reply, self.info
end

function mt.__tostring(self)
  local state = self.err and self.err.kind or self.ended and "ended" or "open"
  return ("novita.stream (%s)"):format(state)
end

--- Makes a stream of a transfer whose headers have come.
---@param transfer novita.Transfer
---@param loop table
---@param info novita.Info
---@return novita.Stream
function stream.new(transfer, loop, info)
  return setmetatable({
    transfer = transfer, loop = loop, info = info, assembler = assemble.new(),
  }, mt)
end

return stream
