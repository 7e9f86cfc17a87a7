--- One call: start it, wait for it, hand on what came of it.

local core = require("novita.core")
require("novita.reply")

local call = {}

local function loop_of(settings)
  return settings.policy.loop or require("novita.loop.poll")
end

local function config_error(param, text)
  return core.error { kind = "config", param = param, message = param .. ": " .. text }
end

-- The options for the wire, with the key that a function gives at this moment.
local function wire_of(settings)
  local wire = settings.wire
  if type(wire.api_key) ~= "function" then return wire end
  local key = wire.api_key()
  if type(key) ~= "string" then
    return nil, config_error("api_key", "the function returned a " .. type(key))
  end
  local copy = {}
  for name, value in pairs(wire) do copy[name] = value end
  copy.api_key = key
  return copy
end

-- A transfer's reply and info, or nil and the error, when it has ended.
local function finish(loop, transfer)
  local reply, info = transfer:reply()
  while reply == nil and info == nil do
    loop.wait(transfer)
    reply, info = transfer:reply()
  end
  return reply, info
end

-- Starts a transfer by the pool's method.
local function start(method, request, settings, loop)
  local wire, err = wire_of(settings)
  if not wire then return nil, err end
  local task = loop.current()
  if task and task.cancelled then
    return nil, core.error { kind = "cancelled", message = "the task was cancelled" }
  end
  local pool = loop.pool()
  return pool[method](pool, request, wire)
end

local function exchange(method, request, settings)
  local loop = loop_of(settings)
  local transfer, err = start(method, request, settings, loop)
  if not transfer then return nil, err end
  return finish(loop, transfer)
end

-- The same request, as a stream.
local function streamed(request)
  local copy = {}
  for name, value in pairs(request) do copy[name] = value end
  copy.stream = true
  return copy
end

--- Starts a streamed chat and waits for its headers.
---@param request novita.Request
---@param settings { wire: table, policy: table }
---@return novita.Stream?, novita.Error?
function call.stream(request, settings)
  local loop = loop_of(settings)
  local transfer, err = start("chat", streamed(request), settings, loop)
  if not transfer then return nil, err end
  local info = transfer:info()
  while info == nil do
    loop.wait(transfer)
    info = transfer:info()
  end
  if not info or info.status >= 300 then return finish(loop, transfer) end
  return require("novita.stream").new(transfer, loop, info)
end

-- Calls the user's function; false from it means: enough. What it raises stops the stream and goes
-- on to the caller.
local function enough(stream, fn, value)
  if not fn or value == nil then return false end
  local ok, result = pcall(fn, value)
  if ok then return result == false end
  stream:cancel()
  error(result, 0)
end

-- A stream under the hood, with the results of a plain call.
local function chat_aloud(request, settings)
  local stream, err = call.stream(request, settings)
  if not stream then return nil, err end
  local text_of = require("novita.stream").text_of
  local on_chunk, on_text = settings.policy.on_chunk, settings.policy.on_text
  local chunk = stream:next()
  while chunk do
    if enough(stream, on_chunk, chunk) or enough(stream, on_text, text_of(chunk)) then
      return stream:stop()
    end
    chunk = stream:next()
  end
  return stream:reply()
end

--- Performs a chat request; with on_text or on_chunk, as a stream.
---@param request novita.Request
---@param settings { wire: table, policy: table }
---@return novita.Reply?, novita.Info|novita.Error
function call.chat(request, settings)
  local policy = settings.policy
  if policy.on_text or policy.on_chunk or request.stream then
    return chat_aloud(request, settings)
  end
  return exchange("chat", request, settings)
end

--- Lists the models: GET /models.
---@param settings { wire: table, policy: table }
---@return novita.Model[]?, novita.Info|novita.Error
function call.models(settings)
  local answer, info = exchange("request", { path = "/models" }, settings)
  if not answer then return nil, info end
  if type(answer) ~= "table" or type(answer.data) ~= "table" then
    return nil, core.error {
      kind = "invalid_response", status = info.status, request_id = info.request_id,
      message = "the response can't be used: no list of models",
    }
  end
  return answer.data, info
end

--- Calls a function, or performs a request, for each item of a list.
---@param items any[]
---@param what novita.Request|fun(item: any, index: integer): any, any
---@param settings { wire: table, policy: table }
---@return any[] results, novita.Summary
function call.map(items, what, settings)
  local fn = what
  if type(what) == "table" then
    fn = function() return call.chat(what, settings) end
  end
  return require("novita.map").run(items, fn, loop_of(settings), settings.policy)
end

return call
