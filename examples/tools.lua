-- A model that calls functions:  lua examples/tools.lua "What is the weather in Berlin?"

local novita = require("novita")
local json = require("novita.core")

local ROUNDS = 5 -- a model may call again when it has seen a result

local functions = {
  get_weather = function(arguments)
    return { city = arguments.city, sky = "clear", celsius = 21 }
  end,
}

local request = {
  model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
  messages = { { role = "user", content = arg[1] or "What is the weather in Berlin?" } },
  tools = { { type = "function", ["function"] = {
    name = "get_weather",
    description = "The weather in a city, now",
    parameters = {
      type = "object", properties = { city = { type = "string" } }, required = { "city" },
    },
  } } },
}

local function say(role, content, call_id)
  table.insert(request.messages, { role = role, content = content, tool_call_id = call_id })
end

for _ = 1, ROUNDS do
  local reply = assert(novita.chat(request))
  local calls = assert(reply:tool_calls())
  if #calls == 0 then
    print(reply:text())
    os.exit(0)
  end
  table.insert(request.messages, reply.choices[1].message) -- it must see what it has asked for
  for _, call in ipairs(calls) do
    local fn = functions[call.name]
    local result = fn and fn(call.arguments) or { error = "there is no such function" }
    print(("-- %s(%s) gives %s"):format(call.name, call.raw, json.encode(result)))
    say("tool", json.encode(result), call.id)
  end
end
io.stderr:write("the model calls and calls\n")
os.exit(1)
