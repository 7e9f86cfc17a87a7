-- Makes a call for each row of a file: with novita.map, which gets all rows in a table, or with
-- novita.batch, which keeps them in a store.
--
--   rows.lua map run URL CA ROWS WIDTH FOLDER      reads the rows, and makes the calls
--   rows.lua batch run URL CA ROWS WIDTH FOLDER    the same with a store, and writes the output
--   rows.lua batch read URL CA ROWS WIDTH FOLDER   only reads the rows into the store
--
-- The file is made in the folder before the clock starts. Prints "cpu US wall US" of a row, and for
-- the last "kib KIB", the most memory that was resident.

local monotime = require("cqueues").monotime
local novita = require("novita")

local kind, job, url, ca_file = arg[1], arg[2], arg[3], arg[4]
local rows, width, folder = tonumber(arg[5]), tonumber(arg[6]), arg[7]
local input, output, store = folder .. "/in.jsonl", folder .. "/out.jsonl", folder .. "/out.db"

local WARM = 10 -- calls of each connection before the clock starts

local client = novita.new {
  api_key = "sk_0123456789abcdef0123456789abcdef01234567",
  base_url = url:match("^(.*)/chat/completions$"), ca_file = ca_file ~= "" and ca_file or nil,
  concurrency = width,
}

local function request(name)
  return {
    model = "meta-llama/llama-3.3-70b-instruct", max_tokens = 1024, temperature = 0.7,
    message = "Summarize this article in 3 bullets: {{" .. name .. ".text}}",
    system_prompt = "You are a helpful assistant.",
  }
end

local function remove_files()
  for _, path in ipairs { input, output, store } do os.remove(path) end
  for _, ending in ipairs { "-wal", "-shm", ".lock" } do os.remove(store .. ending) end
end

local function write_rows()
  local file = assert(io.open(input, "w"))
  for number = 1, rows do
    local row = '{"id":"row-%d","text":"The city has opened tram line %d."}\n'
    file:write(row:format(number, number))
  end
  file:close()
end

local function map_rows(list)
  local _, summary = assert(client:map(list, request("item")))
  assert(summary.ok == #list, "a call has failed")
end

local function warm_up()
  local list = {}
  for number = 1, WARM * width do list[number] = { text = "Line " .. number } end
  map_rows(list)
end

local jobs = {}

function jobs.map_run()
  local list = {}
  for line in io.lines(input) do list[#list + 1] = assert(novita.json.decode(line)) end
  map_rows(list)
end

local function batch()
  return assert(client:batch {
    input = input, output = output, store = store, request = request("row"), interrupts = false,
  })
end

function jobs.batch_run()
  local summary = assert(batch():run())
  assert(summary.done == rows and summary.lines == rows, "a row has failed")
end

function jobs.batch_read()
  local plan = assert(batch():plan())
  assert(plan.to_send == rows, "a row is missing")
  local status = assert(io.open("/proc/self/status"))
  print("kib " .. status:read("*a"):match("VmHWM:%s*(%d+)"))
  status:close()
end

remove_files()
write_rows()
if job == "run" then warm_up() end
collectgarbage()
local cpu, wall = os.clock(), monotime()
jobs[kind .. "_" .. job]()
print(("cpu %.3f wall %.3f"):format((os.clock() - cpu) * 1e6 / rows,
  (monotime() - wall) * 1e6 / rows))
remove_files()
