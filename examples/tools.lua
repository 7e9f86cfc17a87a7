-- A function that the model may call: it is called, and its result goes back to the model.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/tools.lua

local novita = require("novita")

local functions = {
  get_weather = function(arguments)
    return { city = arguments.city, celsius = 21, sky = "clear" }
  end,
}

local tools = {
  {
    type = "function",
    ["function"] = {
      name = "get_weather",
      description = "The weather in a city right now.",
      parameters = {
        type = "object",
        properties = { city = { type = "string" } },
        required = { "city" },
      },
    },
  },
}

local messages = { { role = "user", content = "Use get_weather: what is the weather in Paris?" } }

-- A value, or the end: an error in one line.
local function need(value, err)
  if value then return value end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local function ask()
  local reply = need(novita.chat {
    model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
    messages = messages,
    tools = tools,
  })
  messages[#messages + 1] = reply.choices[1].message -- as it came: the model wants to see it again
  return reply
end

local reply = ask()
local calls = need(reply:tool_calls()) -- their arguments are read already
while #calls > 0 do
  for _, call in ipairs(calls) do
    local result = functions[call.name](call.arguments)
    print(call.name, call.arguments.city, result.celsius)
    messages[#messages + 1] = {
      role = "tool",
      tool_call_id = call.id,
      content = assert(novita.json.encode(result)),
    }
  end
  reply = ask()
  calls = need(reply:tool_calls())
end
print(reply)
