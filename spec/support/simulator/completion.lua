-- A turn as one JSON answer.
-- luacheck: std lua54

local json = require("spec.support.simulator.json")

local completion = {}

local function plain(filtered)
  return { filtered = filtered }
end

local function detected()
  return { filtered = false, detected = false }
end

local FILTERS = {
  hate = plain(false), self_harm = plain(false), sexual = plain(false), violence = plain(false),
  jailbreak = detected(), profanity = detected(),
}

--- The tool_calls member of a message.
function completion.calls(calls)
  local list = json.array {}
  for index, call in ipairs(calls) do
    list[index] = {
      index = call.index or index - 1, id = call.id, type = "function",
      ["function"] = { name = call.name, arguments = call.arguments or "{}" },
    }
  end
  return list
end

-- False in a script removes a member.
local function present(value)
  if value == false then return nil end
  return value
end

local function message(choice)
  local out = { role = "assistant", content = present(choice.content) }
  if choice.content == nil then out.content = json.null end
  out.reasoning_content = present(choice.reasoning)
  if #choice.calls > 0 then out.tool_calls = completion.calls(choice.calls) end
  for name, value in pairs(choice.extra) do out[name] = present(value) end
  return out
end

--- The JSON text of a turn.
function completion.encode(turn)
  local choices = json.array {}
  for index, choice in ipairs(turn.choices) do
    choices[index] = {
      index = choice.index, message = message(choice),
      finish_reason = present(choice.finish_reason), content_filter_results = FILTERS,
    }
  end
  local body = {
    id = turn.id, object = "chat.completion", created = turn.created, model = turn.model,
    choices = choices, usage = turn.usage, system_fingerprint = "",
  }
  for name, value in pairs(turn.extra) do body[name] = present(value) end
  return json.encode(body)
end

return completion
