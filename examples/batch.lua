-- A batch: a hundred support tickets, one question about each, the answers in a file. Stop it with
-- Ctrl-C, or kill it, and run it again: it goes on where it was. In a checkout, with NOVITA_API_KEY
-- set; an argument says where the answers and the store go:
--   make && eval "$(make -s env)" && lua5.4 examples/batch.lua /tmp/tickets

local novita = require("novita")

local model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.1-8b-instruct"
local place = arg[1] or os.tmpname()
local input = arg[0]:gsub("[^/]*$", "") .. "data/tickets.jsonl"

-- A value, or the end: an error in one line.
local function need(value, err)
  if value then return value end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local LABELS = { delivery = true, billing = true, account = true, product = true, software = true }

local batch = need(novita.batch {
  input = input, output = place .. ".jsonl", store = place .. ".db",
  request = {
    model = model, max_tokens = 20, temperature = 0,
    message = "A support ticket, which came by {{row.channel}}:\n\n{{row.text}}\n\n"
      .. "Answer with one word: delivery, billing, account, product or software.",
  },
  concurrency = 8, limit = { rpm = 600 }, budget = { usd = 0.05 },
})

local plan = need(batch:plan()) -- sends nothing
local summary = need(batch:run())
need(not summary.err, summary.err)
if plan.usd and summary.run_usd then
  print(("%d tickets asked for %.6f USD, where %.6f was the most"):format(summary.sent,
    summary.run_usd, plan.usd))
end
print(("%d answered, %d failed, %d tokens%s"):format(summary.done, summary.failed,
  summary.usage.total_tokens, summary.stopped and "; stopped: " .. summary.stopped or ""))
for _, id in ipairs(summary.paid_twice) do print("may have been paid for twice: " .. id) end

-- How many of each? The model may have said something else.
local counts = {}
for line in io.lines(place .. ".jsonl") do
  local answer = need(novita.json.decode(line))
  local choice = answer.response and answer.response.body.choices[1]
  local word = choice and choice.message.content:lower():match("%a+") or "none"
  word = LABELS[word] and word or "other"
  counts[word] = (counts[word] or 0) + 1
end
for word, count in pairs(counts) do print(("%4d  %s"):format(count, word)) end
if not arg[1] then
  for _, ending in ipairs { "", ".jsonl", ".db", ".db.lock" } do os.remove(place .. ending) end
end
