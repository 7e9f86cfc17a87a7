-- Support messages: topics and urgency, a draft for each topic, a page if it is urgent. A run that
-- fails pauses; given its id, the same command goes on where it failed.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/workflow.lua

local novita = require("novita")

local MODEL = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324"

local topics_and_urgency = {
  name = "triage",
  schema = {
    type = "object",
    properties = {
      topics = { type = "array", items = { type = "string" } }, urgent = { type = "boolean" },
    },
    required = { "topics", "urgent" },
  },
}

local function fail(err)
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local flow, err = novita.workflow("triage", function(run, trigger)
  local class = run:chat("classify", {
    model = MODEL, message = "Topics and urgency of: " .. trigger.text,
    response_format = topics_and_urgency,
  }, { parse = true }).parsed
  local drafts = run:each("draft", class.topics, {
    model = MODEL, message = "One line of help on {{item}}.",
  }, { concurrency = 4 })
  if class.urgent then
    run:step("page", { text = trigger.text }, function(input) print("paged: " .. input.text) end)
  end
  return { drafts = #drafts, urgent = class.urgent }
end, {
  store = (os.getenv("TMPDIR") or "/tmp") .. "/novita-workflow.db",
  retry = { attempts = 5 }, limit = { rpm = 60 },
})
if not flow then return fail(err) end

local record
if arg[1] then
  record, err = flow:retry(arg[1])
else
  record, err = flow:start { text = "The printer is on fire." }
end
if not record then return fail(err) end
if record.status ~= "done" then return fail(record.error) end -- record.id is for the next time

for _, entry in ipairs(record.log) do
  print(("%-10s %-7s %5.2f s  %s"):format(entry.step, entry.state, entry.seconds or 0,
    entry.error and entry.error.message or ""))
end
print(("run %s is done: %d drafts"):format(record.id, record.result.drafts))
