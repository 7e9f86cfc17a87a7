-- The action in a loop over an array: one request as a template, once for each item, with the rate
-- limit kept. What fails is named at the end; the other answers stand.

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

local headlines, summary = novita.map(articles, request, {
  vars = {
    trigger = {
      model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct",
      words = 12,
    },
  },
  limit = { rpm = 60, concurrency = 2 },
  retry = { attempts = 5 },
  on_progress = function(done, total) io.stderr:write(done, "/", total, "\n") end,
})

for index, headline in ipairs(headlines) do
  print(articles[index].title, headline or tostring(summary.errors[index]))
end
print(("%d of %d answered, %d tokens, %.2f s"):format(summary.ok, summary.total,
  summary.usage.total_tokens, summary.seconds))
