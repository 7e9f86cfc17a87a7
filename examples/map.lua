-- Many questions at once, answers in their order:  lua examples/map.lua "First?" "Second?"

local novita = require("novita")

local questions = arg[1] and arg or {
  "Why is the sky blue?", "Why is grass green?", "Why is snow white?", "Why is coal black?",
}

local replies, summary = novita.map(questions, function(question)
  return novita.chat {
    model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct",
    message = question,
    max_tokens = 200,
  }
end, {
  concurrency = 3,
  on_progress = function(done, total) io.stderr:write(("%d of %d\n"):format(done, total)) end,
})

-- One failure does not stop the others; its place holds false.
for number, reply in ipairs(replies) do
  print(questions[number], reply and reply:text() or tostring(summary.errors[number]))
end
print(("%d answers, %d failures, %d tokens, %.2f s"):format(summary.ok, summary.failed,
  summary.usage.total_tokens, summary.seconds))
os.exit(summary.failed == 0 and 0 or 1)
