-- Many calls at once: results in the order of the items, and one failure does not stop the others.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/map.lua

local novita = require("novita")

local model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324"
local cities = { "Paris", "Rome", "Oslo", "Lima", "Cairo" }

-- A value, or the end: an error in one line.
local function need(value, err)
  if value then return value end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

-- A request as a template, once for each item.
local request = { model = model, message = "{{index}}. What is {{item}} known for?" }
local replies, summary = novita.map(cities, request, { concurrency = 3 })
need(replies, summary)
need(summary.ok > 0, summary.errors[1])
for index, reply in ipairs(replies) do
  print(cities[index], reply or tostring(summary.errors[index]))
end

-- A function for each item: any call in it lets the others go on.
local lengths = novita.map(cities, function(city)
  local length = 0
  local stream, err = novita.stream { model = model, message = "Describe " .. city }
  if not stream then return nil, err end
  for text in stream:text() do length = length + #text end -- it raises what breaks the stream
  return length
end)
for index, length in ipairs(lengths) do print(cities[index], length or "no answer") end
print(("%d calls, %d tokens, %.2f s"):format(summary.total, summary.usage.total_tokens,
  summary.seconds))
