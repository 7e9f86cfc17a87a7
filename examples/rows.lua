-- A run of a workflow for each row of a CSV file. A run that fails pauses and the others go on;
-- the same command retries those that have paused, and queues no row twice.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/rows.lua
-- or with arguments: tickets.csv tickets.db

local novita = require("novita")

local MODEL = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324"

local TICKETS = [[
id,customer,text
17,Ada,"The printer is on fire, again."
18,Bob,"My invoice has a wrong date.
Please send a new one."
]]

local function fail(err)
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

-- Every column is a field of the trigger: {{trigger.customer}}, or {{row.customer}}.
local steps = {
  { name = "topic", chat = { model = MODEL, message = "The topic, in a word: {{row.text}}" } },
  { name = "answer", chat = {
    model = MODEL,
    message = "Dear {{row.customer}}, write two lines on {{steps.topic.text}}: {{row.text}}",
  } },
}

local function sample()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(TICKETS)
  file:close()
  return path
end

-- Queues a run for each row.
local function queue(store, path)
  local reader, err = require("novita.batch.input").open(path, { format = "csv" })
  if not reader then return nil, err end
  for record in reader do
    if record.problem then
      io.stderr:write(("%s:%d: %s\n"):format(path, record.line, record.problem))
    else
      local queued
      queued, err = store:queue_run("ticket", { row = record.row })
      if not queued then return nil, err end
    end
  end
  return true
end

-- The first time all rows are queued, later the runs that have paused.
local function fill(store, path)
  local runs, err = store:runs { flow = "ticket", limit = 1 }
  if not runs then return nil, err end
  if not runs[1] then return queue(store, path) end
  local paused
  paused, err = store:runs { flow = "ticket", status = "paused", limit = 10000 }
  for _, record in ipairs(paused or {}) do store:queue_retry(record.id) end
  return paused, err
end

local store, err = novita.store(arg[2] or ":memory:")
if not store then return fail(err) end
local flow
flow, err = novita.workflow("ticket", steps, { store = store, limit = { rpm = 60 } })
if not flow then return fail(err) end
local filled
filled, err = fill(store, arg[1] or sample())
if not filled then return fail(err) end

local failed
repeat
  local record
  record, err = flow:work()
  if record and record.status == "done" then
    print(("%s  %s: %s"):format(record.id, record.trigger.row.customer, record.result))
  elseif record then
    failed = record.error
  end
until not record
if err or failed then return fail(err or failed) end
