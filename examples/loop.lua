-- The action in a loop over an array: one request as a template, once for each item, with the rate
-- limit kept. What fails is named at the end; the other answers stand.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/loop.lua

local novita = require("novita")

local articles = {
  { title = "Trams", text = "The city opened a tram line from the harbour to the university." },
  { title = "Bees", text = "Beekeepers report the best spring in ten years." },
  { title = "Chess", text = "A student of twelve has won the open championship." },
}

local request = {
  model = "{{trigger.model}}",
  system_prompt = "You write headlines of at most {{trigger.words}} words.",
  message = "{{index}}. {{item.title}}: {{item.text}}",
  temperature = "0.7",
  max_tokens = "{{trigger.words}}", -- a string that is one variable becomes its value, a number
}

local options = {
  vars = {
    trigger = {
      model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct",
      words = 12,
    },
  },
  limit = { rpm = 60, concurrency = 2 },
  retry = { attempts = 5 },
  on_progress = function(_, total, so_far)
    if so_far.ok > 0 then io.stderr:write(so_far.ok, "/", total, "\n") end
  end,
}

local headlines, summary = novita.map(articles, request, options)
local problem = not headlines and summary or summary.ok == 0 and summary.errors[1]
if problem then
  io.stderr:write(tostring(problem), "\n")
  os.exit(1)
end

for index, headline in ipairs(headlines) do
  print(articles[index].title, headline or tostring(summary.errors[index]))
end
print(("%d of %d answered, %d tokens, %.2f s"):format(summary.ok, summary.total,
  summary.usage.total_tokens, summary.seconds))
if summary.failed > 0 then os.exit(1) end
