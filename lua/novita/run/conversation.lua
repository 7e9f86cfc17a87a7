--- A conversation: the messages so far, and the calls that add to them.
---
--- Messages are plain data, in conversation.messages. A call works on a list of its own and appends
--- the new messages when it has succeeded: one that fails, is cancelled or raises changes nothing.

local compat = require("novita.compat")
local core = require("novita.core")
local misuse = require("novita.misuse")
local tables = require("novita.tables")
local tools = require("novita.run.tools")
local toolset = require("novita.run.toolset")

local each = compat.each

local conversation = {}

---@class novita.Conversation
---@field messages novita.Message[] all that was said, but for the system prompt; plain data, which
---  may be changed between two calls
local methods = {}
local mt = { __name = "novita.conversation", __index = methods }

-- The fields of the requests, a function that makes the client of a call, and a weak reference to
-- the call in flight: one that was dropped (an abandoned stream, a thread that nginx has ended) no
-- longer counts once it is collected.
local state_of = setmetatable({}, { __mode = "k" })
local weak = { __mode = "v" }

local function state_with_messages(self)
  if type(self.messages) ~= "table" then
    misuse.expected("conversation.messages", "a list of messages", self.messages)
  end
  return state_of[self]
end

local function deep_copy(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, item in each(value) do copy[name] = deep_copy(item) end
  return setmetatable(copy, getmetatable(value)) -- the mark of an empty list
end

local function new(fields, derive, messages)
  local self = setmetatable({ messages = messages }, mt)
  state_of[self] = { fields = fields, derive = derive, current = setmetatable({}, weak) }
  return self
end

-- Calls -----------------------------------------------------------------------------------------

-- Returns the request of a call: the fields, and the user's message.
local function request_of(state, content, method)
  local kind = type(content)
  if kind ~= "string" and kind ~= "number" and not (kind == "table" and content[1] ~= nil) then
    misuse.expected(method, "a text or a list of content parts", content)
  end
  return tables.merged(state.fields, { message = content, messages = {} }) -- not of `defaults`
end

-- Marks a call as the one in flight, as long as its token lives; nil and an error if there is one.
local function claim(state)
  if state.current.call then collectgarbage() end -- one that was dropped
  if state.current.call then
    return nil, core.error {
      kind = "busy", message = "a call of this conversation is in flight: wait for its end, "
        .. "cancel it, or fork the conversation",
    }
  end
  local token = {}
  state.current.call = token
  return token
end

local function release(state, token)
  if state.current.call == token then state.current.call = nil end
end

-- Results ---------------------------------------------------------------------------------------

local function add_from(self, messages, first)
  for index = first, #messages do table.insert(self.messages, messages[index]) end
end

-- Returns the partial answer of a cancelled call as a message, or nil if it has no text.
local function partial_message(reply)
  local choice = reply and reply.choices and reply.choices[1]
  local content = choice and choice.message and choice.message.content
  if content == nil or content == "" then return nil end
  local message = tables.merged(choice.message)
  message.tool_calls = nil -- they were never answered
  return message
end

-- Appends the partial answer of a cancelled call, if there is one.
local function keep_partial(self, messages, first, reply)
  local message = partial_message(reply)
  if message or #messages > first then add_from(self, messages, first) end
  if message then table.insert(self.messages, message) end
end

-- Appends the messages of a call that succeeded.
local function commit(self, settings, first, reply, info)
  if reply and not reply.incomplete then return add_from(self, info.messages, first) end
  if not settings.policy.keep_partial or not info.messages then return end
  if reply or info.kind == "cancelled" then
    keep_partial(self, info.messages, first, reply or info.partial)
  end
end

-- Begins a call. Returns its request, its client, its token and the position of its first message;
-- nil and an error if another call is in flight.
local function begin(self, content, options, method)
  local state = state_with_messages(self)
  local call = { state = state, request = request_of(state, content, method) }
  call.client, call.settings = state.derive(options)
  local busy
  call.token, busy = claim(state)
  if not call.token then return nil, busy end
  call.first = #self.messages + 1
  return call
end

--- Sends a message and returns the answer; runs the tools that the model calls.
---@param content string|table[] a text or content parts
---@param options? novita.Options over those of the conversation
---@return novita.Reply? reply nil on failure; then the messages are as they were before
---@return novita.Info|novita.Error info
function methods:send(content, options)
  local call, busy = begin(self, content, options, "send")
  if not call then return nil, busy end
  local ok, reply, info = compat.pcall(tools.run, call.client, call.request, call.settings,
    self.messages)
  release(call.state, call.token)
  if not ok then error(reply, 0) end
  commit(self, call.settings, call.first, reply, info)
  return reply, info
end

--- Sends a message and returns the answer as a stream, once its headers are here. The messages are
--- appended when the stream ends.
---@param content string|table[] a text or content parts
---@param options? novita.Options over those of the conversation
---@return novita.Stream? stream nil on failure
---@return novita.Error? err
function methods:stream(content, options)
  local call, busy = begin(self, content, options, "stream")
  if not call then return nil, busy end
  local open = require("novita.run.toolstream").open
  local ok, stream, err = compat.pcall(open, call.client, call.request, call.settings,
    self.messages)
  if not ok or not stream then
    release(call.state, call.token)
    if not ok then error(stream, 0) end
    return nil, err
  end
  function stream.on_end(reply, info)
    release(call.state, call.token)
    commit(self, call.settings, call.first, reply, info)
  end
  return stream
end

--- Makes an independent conversation that starts with the same messages.
---@return novita.Conversation
function methods:fork()
  local state = state_with_messages(self)
  return new(state.fields, state.derive, deep_copy(self.messages))
end

function mt:__tostring()
  return ("novita.conversation (%d messages)"):format(#self.messages)
end

misuse.guard("conversation", mt)

--- Makes a conversation.
---@param setup novita.Request without a message, and options
---@param derive fun(options?: novita.Options): novita.Client, novita.Settings
---@return novita.Conversation
function conversation.new(setup, derive)
  if setup.message ~= nil then
    misuse.raise("conversation.message: pass it to chat:send(...)")
  end
  if setup.messages ~= nil and type(setup.messages) ~= "table" then
    misuse.expected("conversation.messages", "a list of messages", setup.messages)
  end
  toolset.new(setup.tools) -- misuse raises here, not in the first call
  local fields = tables.merged(setup)
  fields.messages, fields.options = nil, nil
  return new(fields, derive, deep_copy(setup.messages or {}))
end

return conversation
