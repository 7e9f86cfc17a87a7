-- A model with two tools, which it calls until it can answer.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/agent.lua

local novita = require("novita")

local CITIES = {
  Paris = { celsius = 21, sky = "clear", offset = 2 },
  Tokyo = { celsius = 27, sky = "rain", offset = 9 },
}

local in_a_city = {
  type = "object", properties = { city = { type = "string" } }, required = { "city" },
}

-- The result of a function, or its error, is sent to the model.
local function get_weather(arguments)
  local city = CITIES[arguments.city]
  if not city then return nil, "there are only Paris and Tokyo" end
  return { celsius = city.celsius, sky = city.sky }
end

local function get_time(arguments)
  local city = CITIES[arguments.city]
  if not city then return nil, "there are only Paris and Tokyo" end
  return os.date("!%H:%M", os.time() + city.offset * 3600)
end

local reply, info = novita.run_tools({
  model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
  message = arg[1] or "Use get_weather and get_time: what is the weather, and the time, in Paris?",
  tools = {
    { name = "get_weather", description = "The weather in a city right now.",
      parameters = in_a_city, call = get_weather },
    { name = "get_time", description = "The local time in a city.",
      parameters = in_a_city, call = get_time },
  },
}, {
  max_turns = 5,
  on_call = function(name, arguments) print(name, arguments.city) end, -- `false` would refuse it
})
if not reply then
  io.stderr:write(tostring(info), "\n")
  os.exit(1)
end
print(reply)
print(("%d turns, %d tokens"):format(#info.turns, reply.usage.total_tokens))
