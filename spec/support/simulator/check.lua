-- What Novita refuses with 400 or 404 before a model sees the request.
--
-- Wordings are Novita's where they have been seen; ranges and types have no known wording, so
-- theirs are made after those.
-- luacheck: std lua54

local catalog = require("spec.support.simulator.catalog")
local errors = require("spec.support.simulator.errors")
local mind = require("spec.support.simulator.model")

local check = {}

local RANGES = {
  { "temperature", 0, 2 }, { "top_p", 0, 1 }, { "min_p", 0, 1 }, { "repetition_penalty", 0, 2 },
  { "frequency_penalty", -2, 2 }, { "presence_penalty", -2, 2 }, { "top_logprobs", 0, 20 },
  { "n", 1, 128 }, { "top_k", 1, 128 },
}
local INTEGERS = { "max_tokens", "n", "seed", "top_k", "top_logprobs" }
local BOOLEANS = { "stream", "logprobs", "separate_reasoning", "enable_thinking" }
local MOST_STOPS = 4
local ROLES = { system = true, user = true, assistant = true, tool = true, developer = true }

local function refuse(message)
  return errors.answer(400, { message = message })
end

local function refuse_flat(message)
  return errors.answer(400, { message = message }, "B")
end

local function wrong_type(name, value, wanted)
  return refuse(string.format("json: cannot unmarshal %s into Go struct field .%s of type %s",
    type(value) == "table" and "object" or type(value), name, wanted))
end

-- Go takes 8 for an integer, but not 8.0: lua-cjson cannot tell them apart, the text can.
local function is_integer(value, name, raw)
  return type(value) == "number" and value % 1 == 0
    and not raw:find('"' .. name .. '"%s*:%s*%-?%d+[.eE]')
end

local function types(body, _, raw)
  for _, name in ipairs(INTEGERS) do
    local value = body[name]
    if value ~= nil and not is_integer(value, name, raw) then
      return wrong_type(name, value, "int")
    end
  end
  for _, name in ipairs(BOOLEANS) do
    local value = body[name]
    if value ~= nil and type(value) ~= "boolean" then return wrong_type(name, value, "bool") end
  end
  for _, range in ipairs(RANGES) do
    local name, low, high = range[1], range[2], range[3]
    local value = body[name]
    if value ~= nil and type(value) ~= "number" then return wrong_type(name, value, "float32") end
    if value and (value < low or value > high) then
      return refuse_flat(string.format("%s (current value: %.14g) must be between %d and %d",
        name, value, low, high))
    end
  end
end

local function max_tokens(body, model)
  local value = body.max_tokens
  if not value then return end
  if value < 1 then
    return refuse_flat(string.format("max_tokens (current value: %d) must be between 0 and %d",
      value, model.output))
  end
  if value > model.output then
    return refuse_flat(string.format("max_tokens: %d exceeds maximum %d", value, model.output))
  end
end

local function message_at(message, index, model)
  local role = type(message) == "table" and message.role
  if not ROLES[role] then return refuse_flat("invalid request error") end
  if model.strict_roles and role == "developer" then return refuse_flat("invalid request error") end
  if model.strict_roles and role == "system" and index > 1 then
    return refuse("System message must be at the beginning.")
  end
  if type(message.content) ~= "table" then return end
  for _, part in ipairs(message.content) do
    if type(part) ~= "table" then return refuse_flat("invalid request error") end
    if part.type == "image_url" and not model.vision then
      return refuse("model features vision not support")
    end
  end
end

local function messages(body, model)
  local list = body.messages
  if type(list) ~= "table" or #list == 0 then
    return refuse("messages: at least one message is required")
  end
  for index, message in ipairs(list) do
    local refusal = message_at(message, index, model)
    if refusal then return refusal end
  end
end

local function response_format(body, model)
  local format = body.response_format
  if format == nil then return end
  local kind = type(format) == "table" and format.type
  if kind == "text" then return end
  if kind ~= "json_object" and kind ~= "json_schema" then
    return refuse_flat("invalid request error")
  end
  if not next(model.formats) then
    return refuse(string.format("model: %s does not support feature: structured-outputs", model.id))
  end
  if not model.formats[kind] then
    return refuse(string.format("Model '%s' does not support '%s' response format. "
      .. "Supported formats: %s.", model.id, kind, next(model.formats)))
  end
  local schema = kind == "json_schema" and format.json_schema or { name = "" }
  if type(schema) ~= "table" or type(schema.name) ~= "string" then
    return refuse("response_format: json_schema.name is required")
  end
end

local function tool(value)
  local spec = type(value) == "table" and value["function"]
  if type(spec) ~= "table" or type(spec.name) ~= "string" then
    return refuse_flat("invalid request error")
  end
end

local function tools(body, model)
  if body.tools == nil then return end
  if type(body.tools) ~= "table" then return wrong_type("tools", body.tools, "[]Tool") end
  if model.no_tools and #body.tools > 0 then
    return refuse("model features function calling not support")
  end
  for _, value in ipairs(body.tools) do
    local refusal = tool(value)
    if refusal then return refusal end
  end
end

local function options(body)
  if type(body.stop) == "table" and #body.stop > MOST_STOPS then
    return refuse_flat("invalid request error")
  end
  if body.stream_options ~= nil and body.stream ~= true then
    return refuse("stream_options is only allowed when stream is enabled")
  end
end

local function context(body, model)
  local count = mind.prompt_tokens(body)
  if count > model.context then
    return refuse_flat(string.format("The input (%d tokens) is longer than the model's context "
      .. "length (%d tokens).", count, model.context))
  end
end

local CHECKS = { types, max_tokens, messages, response_format, tools, options, context }

--- Looks a decoded body over. Returns the model, or nil and the refusal to send.
---@param body table
---@param raw string as it came
---@return table? model, table? refusal
function check.body(body, raw)
  local model = catalog.find(body.model)
  if not model then return nil, errors.answer(404, { message = "model not found" }) end
  if model.kind then return nil, refuse("not an chat model") end
  for _, look in ipairs(CHECKS) do
    local refusal = look(body, model, raw)
    if refusal then return nil, refusal end
  end
  return model
end

return check
