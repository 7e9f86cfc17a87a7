--- A streamed call: chunks as they come, their text, and the assembled reply.
---
--- A stream ends in one of two ways: complete, with a finish reason in every choice (or with [DONE]
--- after usage), or with an error. The iterators raise that error, as io.lines does; next() and
--- reply() return it. err.partial has the reply so far.

local core = require("novita.core")
local accumulator = require("novita.stream.accumulator")
local error_hint = require("novita.error_hint")
local misuse = require("novita.misuse")
local reading = require("novita.stream.reading")

---@class novita.Stream
---@field said? string the text of the first choice in what next() or next_text() gave last
---@field on_end? fun(reply?: table, err?: novita.Error) called once, at the end
---@field info novita.Info status, headers, request id, the attempts to open it, which an error that
---  ends it has too; timings are whole once the stream has ended
local methods = {}
local mt = { __name = "novita.stream", __index = methods }

local stream = {
  --- Seconds to wait for usage and [DONE] once every choice has its finish reason: under 5 s, so
  --- that a server that keeps the connection open delays no caller.
  patience = 4,
}

-- `over`: has the stream ended? A finalizer or a hook may end it at any time.

-- Closes the transfer, unless it is being read or a task waits for it: then that reader does.
local function release(self)
  if not (self.waiting or self.busy) then self.transfer:close() end
end

-- Ends the stream with an error, which every later call returns.
local function fail(self, err)
  local partial = self.assembler:build()
  if self.err then return nil, self.err end
  partial.incomplete = true -- although all choices may have finished
  if #(partial.choices or {}) > 0 then err.partial = partial end
  error_hint.restate_deadline(err, self.deadline)
  self.err, self.over, err.attempts = err, true, err.attempts or self.info.attempts
  release(self)
  if self.on_end then self.on_end(nil, err) end
  return nil, err
end

local function failure(self, kind, text)
  return core.error {
    kind = kind, message = text, phase = "stream",
    status = self.info.status, request_id = self.info.request_id,
  }
end

-- Is the reply complete, although the transfer ended with an error? A stream may end without
-- [DONE], or with it in an event named error (both have an info), and a time-out after the last
-- finish reason is ignored.
local function is_whole(self, err, info)
  if info then return self.assembler:complete() end
  return self.assembler.over and err.kind == "timeout" and err.phase == "stream"
end

-- Ends the stream at the end of its body. A missing [DONE] is accepted if every choice has its
-- finish reason; [DONE] alone does not make an answer complete.
local function finish(self, err, info)
  if self.over then return nil, self.err end
  release(self)
  if info then self.info, info.attempts = info, self.info.attempts end
  local assembler = self.assembler
  local complete
  if err then
    complete = is_whole(self, err, info)
  else
    complete = assembler:conclude()
  end
  if not complete then
    return fail(self, err or
      failure(self, "stream_truncated", "the stream ended without a finish reason"))
  end
  self.said = assembler:news(true)
  self.ended, self.over = true, true
  if self.on_end then self.on_end(assembler.reply) end
  return nil
end

-- Adds a chunk; `whole` if it is a complete answer that is not a stream. A chunk that reports the
-- failure of its choice is returned to the caller before the error.
local function add(self, chunk, whole)
  local assembler = self.assembler
  local problem = assembler:add(chunk, whole)
  local json = problem and core.encode(chunk) or nil
  if self.over then return nil, self.err end
  if problem then return fail(self, self.transfer:unusable(problem, json)) end
  if assembler.failure then self.fault = self.transfer:fault(assembler.failure) end
  self.said = assembler:news()
  return chunk
end

-- Reopens the stream if its first event is an error that may be retried; returns whether it did.
local function reopened(self, err)
  if not (self.reopen and err and err.kind == "stream_error") then return false end
  self.closed = true
  local fresh = self.reopen(err)
  self.closed = nil
  if not fresh then return false end
  self.transfer, self.info, self.on_end = fresh.transfer, fresh.info, fresh.on_end
  if self.err then self.transfer:close() end
  return true
end

local function chunk_of(text)
  return { choices = { { index = 0, delta = { content = text } } } }
end

-- Returns the next chunk of the transfer, or nil if none has arrived or at the end. `brief`: true
-- does for a chunk that repeats the one before it, but for its text.
local function take(self, brief)
  if self.over then return nil end
  if self.fault then return fail(self, self.fault) end
  local chunk, err, info = self.transfer:next(brief)
  if self.over then return nil end
  if chunk == nil then return nil end
  if chunk == false and reopened(self, err) then return take(self, brief) end
  self.reopen = nil
  if chunk then
    local said = info and self.assembler:take(chunk, info)
    if not said then return add(self, chunk == true and chunk_of(info) or chunk, err) end
    self.said = said
    return chunk
  end
  return finish(self, err, info)
end

local OUTSIDE = {} -- stands for code outside of tasks

-- Does another task wait for news? It would not learn of an end that is read here. One whose wait
-- was interrupted does not.
local function is_awaited(self)
  local by = self.waiting
  if not by or by.done or by == (self.loop.current() or OUTSIDE) then return false end
  local waiter = by.waiter or by -- a thread of nginx has no waiter
  return by == OUTSIDE or waiter.transfer == self.transfer and not waiter.ready
end

-- The same and its text, for one reader at a time: a finalizer or a hook that reads the stream here
-- would change the order of chunks. It may end the stream; or read it before and after this, which
-- changes `said`.
local function advance(self, brief)
  if self.busy then misuse.raise("another task reads this stream, or a read was interrupted") end
  if is_awaited(self) then misuse.raise("another task is waiting for this answer already") end
  self.busy, self.said = true, nil
  local chunk = take(self, brief)
  local said = self.said
  self.busy = false
  if not self.over then return chunk, said end
  release(self)
  return nil, said
end

-- Waits for news for at most some seconds; false after that. The time waited after the last finish
-- reason is added up, since a server may send heartbeats for ever.
local function wait(self, seconds)
  local over, most = self.assembler.over, seconds
  local left = stream.patience - (self.waited or 0)
  if over and not (seconds and seconds <= left) then most = math.max(left, 0) end
  local start = over and core.now()
  self.waiting = self.loop.current() or OUTSIDE
  local news = self.loop.wait(self.transfer, most)
  self.waiting = false
  if self.over then release(self) end
  if over then self.waited = (self.waited or 0) + core.now() - start end
  return news or most ~= seconds or not seconds
end

local function check_seconds(name, seconds)
  if seconds and not (type(seconds) == "number" and seconds >= 0) then
    misuse.expected(name, "a number of seconds >= 0", seconds)
  end
end

-- Returns the next chunk as next() does, and its text.
local function next_of(self, seconds, brief)
  if self.loop.breathe then self.loop.breathe() end
  if not self.busy then self.said = nil end
  local due = seconds and core.now() + seconds
  while not self.over do
    local chunk, said = advance(self, brief)
    if chunk then return chunk, nil, said end
    if self.over then return nil, self.err, said end
    if (self.waited or 0) >= stream.patience then
      local _, err = finish(self, nil, self.transfer:info())
      return nil, err, self.said
    end
    if not wait(self, due and math.max(due - core.now(), 0)) then return false end
  end
  return nil, self.err
end

--- Returns the next chunk, as the server sent it.
---@param seconds? number to wait for it at most, >= 0
---@return table|false|nil chunk nil at the end; false when the time was up
---@return novita.Error? err when it is not a good end
function methods:next(seconds)
  check_seconds("stream:next", seconds)
  local chunk, err = next_of(self, seconds)
  return chunk, err
end

--- Returns the next piece of the text of the first choice. Costs less than next(): a chunk that
--- repeats the one before, but for its text, is not decoded.
---@param seconds? number to wait for it at most, >= 0
---@return string|false|nil text nil at the end; false when the time was up
---@return novita.Error? err when it is not a good end
function methods:next_text(seconds)
  check_seconds("stream:next_text", seconds)
  local due = seconds and core.now() + seconds
  local chunk, err, said
  repeat
    chunk, err, said = next_of(self, due and math.max(due - core.now(), 0), true)
  until said or not chunk
  return said or chunk, err
end

local chunks, texts = reading.loops(methods.next, methods.next_text)

--- Iterates over the chunks: `for chunk in stream:chunks() do`. Raises the error of the stream.
--- Leaving the loop early cancels the stream: on Lua 5.4 at once, elsewhere when the stream is
--- collected.
---@type fun(self: novita.Stream): (fun(self: novita.Stream): table?), novita.Stream
methods.chunks = chunks

--- Iterates over the text of the first choice: `for text in stream:text() do io.write(text) end`.
--- Ends as chunks() does.
---@type fun(self: novita.Stream): (fun(self: novita.Stream): string?), novita.Stream
methods.text = texts

--- Reads to the end and returns the same table that a plain call returns.
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info
function methods:reply()
  repeat
    local text, err = self:next_text()
    if err then return nil, err end
  until not text
  local reply = self.assembler:build()
  local check = self.assembler.check or accumulator.check
  local problem = check(reply)
  if problem then return fail(self, failure(self, "invalid_response", problem)) end
  local err = self.parse and self.parse(reply, self.info)
  if err then return nil, err end
  return reply, self.info
end

--- Cancels at once: closes the connection, also while the server sends nothing.
function methods:cancel()
  if self.over then return end
  local is_open = not self.closed and self.transfer:slot() -- no more if a read was interrupted
  if is_open then self.transfer:cancel() end
  fail(self, failure(self, "cancelled", "the call was cancelled"))
end

mt.__close = methods.cancel

--- Cancels at once and returns the partial reply, which is not an error.
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

misuse.guard("stream", mt)

--- Makes a stream of a transfer whose headers have arrived.
---@param transfer novita.Transfer
---@param loop table
---@param info novita.Info
---@param n? integer how many choices were asked for
---@param own? table of the chunks; default: that of chats
---@return novita.Stream
function stream.new(transfer, loop, info, n, own)
  return setmetatable({
    transfer = transfer, loop = loop, info = info, assembler = own or accumulator.new(n),
  }, mt)
end

return stream
