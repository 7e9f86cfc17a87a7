-- Novita's API as the simulator answers it without a script.
-- luacheck: std lua54

local json = require("spec.support.simulator.json")

local api = {}

local function answer(status, value)
  return { status = status, pieces = { json.encode(value) } }
end

local function refusal(status, reason, message)
  return answer(status, { code = status, reason = reason, message = message })
end

local function count(text)
  local _, tokens = text:gsub("%S+", "")
  return tokens
end

local function chat(request)
  local body, err = json.decode(request.body)
  if not body then return refusal(400, "INVALID_REQUEST_BODY", err) end
  local prompt, last = 0, ""
  for _, message in ipairs(body.messages or {}) do
    last = type(message.content) == "string" and message.content or ""
    prompt = prompt + count(last)
  end
  local text = "You said: " .. last
  return answer(200, {
    id = "chatcmpl-1", object = "chat.completion", created = 1764303147, model = body.model,
    choices = { {
      index = 0, message = { role = "assistant", content = text }, finish_reason = "stop",
    } },
    usage = {
      prompt_tokens = prompt, completion_tokens = count(text),
      total_tokens = prompt + count(text),
    },
    system_fingerprint = "",
  })
end

local function models()
  return answer(200, { data = {
    { id = "deepseek/deepseek-v3-0324", object = "model", created = 1742000000 },
  } })
end

--- Answers a request.
function api.answer(request)
  local path = request.path:match("^/openai/v1(/.*)") or request.path:match("^/openai(/.*)")
    or request.path:match("^/v3/openai(/.*)")
  if path == "/chat/completions" and request.method == "POST" then return chat(request) end
  if path == "/models" and request.method == "GET" then return models() end
  return { status = 404, content_type = "text/plain", pieces = { "404 page not found" } }
end

return api
