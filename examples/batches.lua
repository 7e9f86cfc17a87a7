-- The endpoints of files and batches: a file goes out, and days later, or sooner, its answers come
-- back. remote_batch.lua leaves all of that to novita.batch.
-- In a checkout, with NOVITA_API_KEY set; the number is that of seconds between two looks:
--   make && eval "$(make -s env)" && lua5.4 examples/batches.lua 1

local novita = require("novita")

local model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324"
local pause = tonumber(arg[1]) or 60

local function check(value, err)
  if value then return value end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local loaded, json = pcall(require, "novita.json")
check(loaded, json)

-- A line for each question; its custom_id comes back with the answer.
local function write_requests(path)
  local file = assert(io.open(path, "w"))
  for _, city in ipairs { "Paris", "Rome", "Oslo" } do
    file:write(check(json.encode {
      custom_id = city,
      body = {
        model = model, max_tokens = 50,
        messages = { { role = "user", content = "What is " .. city .. " known for?" } },
      },
    }), "\n")
  end
  file:close()
end

-- Sends the file, waits for the end of the batch, and saves the answers.
local function run(input, output)
  local file = check(novita.files.upload { path = input, filename = "in.jsonl" })
  local batch = check(novita.batches.create { input_file_id = file.id })
  while batch.status:upper() ~= "COMPLETED" do -- servers differ in case
    print(batch.id, batch.status)
    os.execute("sleep " .. pause)
    batch = check(novita.batches.get(batch.id))
  end
  check(novita.files.content { id = batch.output_file_id, save_to = output })
end

local input, output = os.tmpname(), os.tmpname()
write_requests(input)
run(input, output)
for line in io.lines(output) do
  local answer = check(json.decode(line))
  print(answer.custom_id, answer.response.body.choices[1].message.content)
end
os.remove(input)
os.remove(output)
