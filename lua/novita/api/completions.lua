--- POST /completions: continues a prompt, plain or streamed.

local common = require("novita.api.common")
local request = require("novita.call.request")
local deliver = require("novita.call.callbacks")
local accumulator = require("novita.stream.text_accumulator")

-- Returns the model of the environment, or nil.
local function usual_model()
  local name = os.getenv("NOVITA_MODEL")
  return name ~= "" and name or nil
end

local function send(body, settings)
  return request.send({
    path = "/completions", body = body, answer = "json", stream = body.stream,
    accumulator = body.stream and accumulator.new,
  }, settings)
end

---@class novita.CompletionRequest
---@field model? string default: NOVITA_MODEL
---@field prompt string|string[]|integer[]
---@field stream? boolean
---@field [string] any

---@class novita.Completion
---@field choices { index: integer, text: string, finish_reason: string? }[]
---@field model? string
---@field usage? table

---@class novita
---@field completions fun(request: novita.CompletionRequest, options?: novita.Options): any, any

---@class novita.Client
---@field completions fun(self, request: novita.CompletionRequest, options?: novita.Options): any, any

--- Completes a prompt. With `stream = true` it returns the stream; with on_text or on_chunk it
--- streams and returns what a plain call returns.
---@param given novita.CompletionRequest
---@param settings novita.Settings
---@return novita.Completion|novita.Stream|nil answer
---@return novita.Info|novita.Error info
return function(given, settings)
  local body, policy = common.copy(given), settings.policy
  body.model = body.model or (policy.defaults or {}).model or usual_model()
  local err = common.missing(body, { "model", "prompt" })
  if err then return nil, err end
  local streamed = policy.on_text or policy.on_chunk
  body.stream = streamed and true or body.stream
  if body.stream and body.stream_options == nil then
    body.stream_options = { include_usage = true }
  end
  body.stream_options = body.stream_options or nil -- false: for servers that refuse the field
  local answer, info = send(body, settings)
  if answer and streamed then return deliver(answer, policy) end
  if not answer or body.stream then return answer, info end
  local choices = type(answer) == "table" and answer.choices
  if type(choices) ~= "table" or choices[1] == nil then
    return common.invalid_response(info, "no choices")
  end
  return answer, info
end
