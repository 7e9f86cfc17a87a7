--- One call: start it, wait for it, hand on what came of it.

local core = require("novita.core")

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

-- Starts a transfer by the pool's method and waits for its end.
local function exchange(method, request, settings)
  local wire, err = wire_of(settings)
  if not wire then return nil, err end
  local loop = loop_of(settings)
  local pool = loop.pool()
  local transfer
  transfer, err = pool[method](pool, request, wire)
  if not transfer then return nil, err end
  return finish(loop, transfer)
end

--- Performs a chat request.
---@param request novita.Request
---@param settings { wire: table, policy: table }
---@return novita.Reply?, novita.Info|novita.Error
function call.chat(request, settings)
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

return call
