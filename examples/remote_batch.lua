-- Rows of a file at Novita's own Batch API: they go out, and hours later, or sooner, their answers
-- come back. The program may be stopped at any time and started again: it goes on where it was.
-- In a checkout, with NOVITA_API_KEY set; the number is that of seconds between two looks:
--   make && eval "$(make -s env)" && lua5.4 examples/remote_batch.lua 1

local novita = require("novita")

local model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324"
local folder = (os.getenv("TMPDIR") or "/tmp") .. "/novita-cities"
local input, output = folder .. ".csv", folder .. ".jsonl"

local function check(value, err)
  if value then return value end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local file = check(io.open(input, "w"))
file:write('id,city\n1,Paris\n2,Rome\n3,"Reykjavík, the capital of Iceland"\n')
file:close()

local batch = check(novita.batch {
  input = input, output = output,
  request = { model = model, message = "What is {{row.city}} known for?", max_tokens = 50 },
})

local sent = check(batch:submit())
print(("%d rows sent, %d files at the server"):format(sent.rows, #sent.parts))

check(batch:fetch {
  wait = true, interval = tonumber(arg[1]) or 60,
  on_progress = function(parts)
    for _, part in ipairs(parts) do print(part.id, part.status) end
  end,
})

for line in io.lines(output) do
  local answer = check(novita.json.decode(line))
  print(answer.custom_id, answer.response.body.choices[1].message.content)
end
for _, ending in ipairs { ".csv", ".jsonl", ".db", ".db.lock" } do os.remove(folder .. ending) end
