-- Many calls at once: results in the order of the items, and one failure does not stop the others.

local novita = require("novita")

local model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324"
local cities = { "Paris", "Rome", "Oslo", "Lima", "Cairo" }

-- A request as a template, once for each item.
local request = { model = model, message = "{{index}}. What is {{item}} known for?" }
local replies, summary = novita.map(cities, request, { concurrency = 3 })
for index, reply in ipairs(replies) do
  print(cities[index], reply or tostring(summary.errors[index]))
end

-- A function for each item: any call in it lets the others go on.
local lengths = novita.map(cities, function(city)
  local length = 0
  for text in assert(novita.stream { model = model, message = "Describe " .. city }):text() do
    length = length + #text
  end
  return length
end)
print(table.concat(lengths, " "))
print(("%d calls, %d tokens, %.2f s"):format(summary.total, summary.usage.total_tokens,
  summary.seconds))
