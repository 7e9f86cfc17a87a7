--- A call in the background: start() returns at once, and callbacks receive the results.
---
--- The call is a task and its callbacks run in it, so a callback may wait: novita.chat in one lets
--- the other tasks run. No callback runs before start() has returned.

local calls = require("novita.call")
local compat = require("novita.compat")
local core = require("novita.core")
local loops = require("novita.loop")
local misuse = require("novita.misuse")

local start = {}

local PACE = 0.016 -- seconds between two calls of on_text: a screen shows no more

---@class novita.Handlers
---@field on_headers? fun(status: integer, headers: table) the answer has begun
---@field on_text? fun(text: string): boolean? what came since the last call; false means: enough
---@field on_chunk? fun(chunk: table): boolean? each chunk, as the server sent it
---@field on_done? fun(reply?: novita.Reply, err?: novita.Error, info?: novita.Info) called once,
---  last, whatever happened

---@class novita.Handle
---@field private task? novita.Task
---@field private state string
local methods = {}
local mt = { __name = "novita.handle", __index = methods }

--- Returns the state of the call: "waiting" for a permit, the answer or a retry; "streaming";
--- "done", "failed" or "cancelled".
---@return "waiting"|"streaming"|"done"|"failed"|"cancelled"
function methods:status()
  return self.state
end

--- Cancels the call at once, in any state; on_done gets the error. Idempotent, also after its end.
function methods:cancel()
  if self.ended or self.cancelled then return end
  self.cancelled, self.state = true, "cancelled"
  if self.task then self.task:cancel() end
end

function mt.__tostring(self)
  return ("novita.handle (%s)"):format(self.state)
end

misuse.guard("handle", mt)

-- Records the error that a callback raised; the end of the task raises it.
local function record_error(call, name, problem)
  table.insert(call.problems, ("in %s: %s"):format(name, tostring(problem)))
  return core.error { kind = "callback_error", message = name .. " raised an error" }
end

-- Calls a callback. Returns the error that it raised, or false if it returned false to stop.
local function tell(call, name, ...)
  local fn = call.handlers[name]
  if not fn then return nil end
  if not call.handle.task then call.loop.sleep(0) end -- start() has not returned
  local ok, result = compat.traced(fn, ...)
  if not ok then return record_error(call, name, result) end
  if result == false then call.enough = true end
  return nil
end

-- Collects text until the next delivery is due.
local function tell_text(call, text, last)
  local now = call.loop.now()
  if text then table.insert(call.pending, text) end
  if not call.pending[1] or (now < call.due and not last) then return nil end
  local piece = table.concat(call.pending)
  call.pending, call.due = {}, now + PACE
  return tell(call, "on_text", piece)
end

-- Returns the next chunk if it is asked for, else the next text.
local function next_part(call, stream)
  local seconds = call.pending[1] and math.max(0, call.due - call.loop.now()) or nil
  if call.handlers.on_chunk then return stream:next(seconds) end
  return stream:next_text(seconds)
end

-- Passes the parts of a stream to the callbacks until it ends. Returns the error of a callback.
local function relay(call, stream)
  local handle, part = call.handle, false
  local raised = tell(call, "on_headers", stream.info.status, stream.info.headers)
  local function goes_on() return not (raised or call.enough or handle.cancelled) end
  while part ~= nil and goes_on() do
    part = next_part(call, stream)
    if part and goes_on() then raised = tell(call, "on_chunk", part) end
    if goes_on() then raised = tell_text(call, stream.said, part == nil) end
  end
  return raised
end

local function chat_aloud(call, how)
  local stream, err = how.stream()
  if not stream then return nil, err end
  if not call.handle.cancelled then call.handle.state = "streaming" end
  local raised = relay(call, stream)
  if raised or call.handle.cancelled then
    stream:cancel()
  elseif call.enough then
    return stream:stop()
  end
  local reply, info = stream:reply()
  if not raised then return reply, info end
  raised.partial = reply or info.partial
  return nil, raised
end

local function conclude(call, reply, info)
  local handle = call.handle
  handle.ended = true
  if reply then
    handle.state = "done"
    tell(call, "on_done", reply, nil, info)
  else
    handle.state = info.kind == "cancelled" and "cancelled" or "failed"
    tell(call, "on_done", nil, info)
  end
  if call.problems[1] then error(table.concat(call.problems, "\n\n"), 0) end
end

local function perform(call, how)
  local handlers = call.handlers
  local aloud = handlers.on_text or handlers.on_chunk or handlers.on_headers
  local ok, reply, info = compat.traced(aloud and chat_aloud or how.chat, call, how)
  if not ok then reply, info = nil, record_error(call, "the call", reply) end
  if not call.handle.task then call.loop.sleep(0) end
  call.handle.task.cancelled = nil -- on_done may call again
  conclude(call, reply, info)
end

--- Starts a call.
---@param handlers novita.Handlers
---@param loop table
---@param how { stream: function, chat: function } makes the call, in a task
---@return novita.Handle
function start.run(handlers, loop, how)
  local handle = setmetatable({ state = "waiting" }, mt)
  local call = { handle = handle, handlers = handlers, loop = loop, problems = {}, pending = {},
    due = 0 }
  handle.task = loop.spawn(function() perform(call, how) end)
  return handle
end

--- Starts a chat.
---@param request novita.Request
---@param handlers novita.Handlers
---@param settings novita.Settings
---@return novita.Handle
function start.chat(request, handlers, settings)
  return start.run(handlers, settings.policy.loop or loops.here(), {
    stream = function() return calls.stream(request, settings) end,
    chat = function() return calls.chat(request, settings) end,
  })
end

return start
