-- Files and batches, as long as nobody resets the simulator. A batch goes one state further each
-- time that it is asked for: validating, PROGRESS, COMPLETED, with states in both of the cases in
-- which Novita writes them; FAILED where its file is not as it has to be. Its lines are answered as
-- chats when it is completed. Lists of batches have pages.
-- luacheck: std lua54

local catalog = require("spec.support.simulator.catalog")
local errors = require("spec.support.simulator.errors")
local json = require("spec.support.simulator.json")

local CREATED = "2025-08-11T16:31:52.949816948+08:00"
local STAMPS = {
  "in_progress_at", "expires_at", "finalizing_at", "completed_at", "failed_at", "expired_at",
  "cancelling_at", "cancelled_at", "updated_at",
}

local files = {}

local kept, batches, count

--- Forgets all files and batches.
function files.reset()
  kept, batches, count = {}, {}, 0
end

files.reset()

local function answer(value)
  return { status = 200, pieces = { json.encode(value) } }
end

local function not_found(what)
  return errors.answer(404, { reason = "NOT_FOUND", message = what .. " not found" })
end

local function refuse(message)
  return errors.answer(400, { message = message })
end

local function sorted(set)
  local list = json.array {}
  for _, item in pairs(set) do list[#list + 1] = item.described or item end
  table.sort(list, function(a, b) return a.id < b.id end)
  return list
end

-- Files -----------------------------------------------------------------------------------------

local function keep(bytes, name, purpose)
  count = count + 1
  local _, lines = bytes:gsub("[^\n]+", "")
  local id = ("file_%04d"):format(count)
  kept[id] = { bytes = bytes, described = {
    id = id, object = "file", bytes = #bytes, filename = name, created_at = 1754894162,
    purpose = purpose, metadata = { total_requests = lines },
  } }
  return kept[id].described
end

-- The parts of a form: { [name] = { bytes, filename } }.
local function parts_of(request)
  local boundary = (request.header["content-type"] or ""):match("boundary=(.+)$")
  local parts, from = {}, 1
  if not boundary then return parts end
  local body = "\r\n" .. request.body
  local mark = "\r\n--" .. boundary
  while true do
    local _, head_from = body:find(mark .. "\r\n", from, true)
    if not head_from then return parts end
    local head_to, bytes_from = body:find("\r\n\r\n", head_from, true)
    local head = body:sub(head_from + 1, head_to)
    from = body:find(mark, bytes_from - 1, true)
    parts[head:match('[; ]name="(.-)"')] = {
      bytes = body:sub(bytes_from + 1, from - 1), filename = head:match('filename="(.-)"'),
    }
  end
end

local function upload(request)
  local parts = parts_of(request)
  if not parts.file or not parts.purpose then return refuse("file and purpose are required") end
  return answer(keep(parts.file.bytes, parts.file.filename, parts.purpose.bytes))
end

local function one_file(request, id, tail)
  local file = kept[id]
  if not file then return not_found("file") end
  if tail == "/content" then
    return { status = 200, content_type = "application/octet-stream", pieces = { file.bytes } }
  end
  if request.method ~= "DELETE" then return answer(file.described) end
  kept[id] = nil
  return answer { deleted = true, id = id, object = "file" }
end

-- Batches ---------------------------------------------------------------------------------------

local function create(request)
  local body = json.decode(request.body) or {}
  local file = kept[body.input_file_id]
  if not file then return not_found("file") end
  count = count + 1
  local batch = {
    id = ("batch_%04d"):format(count), object = "batch", endpoint = body.endpoint,
    input_file_id = body.input_file_id, output_file_id = "", error_file_id = "",
    completion_window = body.completion_window or "", status = "validating", errors = "",
    version = 0, created_at = CREATED, created_by = "8f242aa1", created_by_key_id = "key_cc19",
    remark = "", total = 0, completed = 0, failed = 0, metadata = json.null,
    request_counts = { total = 0, completed = 0, failed = 0 },
  }
  for _, name in ipairs(STAMPS) do batch[name] = json.null end
  batches[batch.id] = batch
  return answer(batch)
end

local MOST_LINES, MOST_BYTES = 50000, 1e8

-- What is wrong with the file of a batch, or nil.
local function problem_of(bytes)
  local ids, model, number = {}, nil, 0
  for line in bytes:gmatch("[^\n]+") do
    local request = json.decode(line)
    local body = type(request) == "table" and request.body
    number = number + 1
    if type(body) ~= "table" or type(request.custom_id) ~= "string" then
      return ("line %d is no request"):format(number)
    end
    if ids[request.custom_id] then
      return ("the custom_id %s is twice there"):format(request.custom_id)
    end
    local is_known = catalog.find(body.model) ~= nil -- others fail by themselves
    ids[request.custom_id], model = true, model or is_known and body.model
    if is_known and body.model ~= model then return "a file is for one model" end
  end
  if number > MOST_LINES then return "more than 50000 requests" end
  if #bytes > MOST_BYTES then return "more than 100 MB" end
end

-- The line of one request's outcome, whether it succeeded, and its usage.
local function outcome(line, ask)
  local request = json.decode(line)
  local got = ask(json.encode(request.body))
  local body = json.decode(table.concat(got.pieces))
  return json.encode {
    custom_id = request.custom_id, error = json.null, id = "batch_req_" .. request.custom_id,
    response = { body = body, request_id = request.custom_id, status_code = got.status },
  }, got.status == 200, got.usage
end

-- The lines of a file of results, in no promised order: the last one comes first.
local function results_of(lines)
  local reversed = {}
  for index = #lines, 1, -1 do reversed[#reversed + 1] = lines[index] end
  return table.concat(reversed, "\n") .. "\n"
end

-- Answers the lines of a batch. Returns the usage of all.
local function run(batch, ask)
  local output, failed = {}, {}
  local usage = { prompt_tokens = 0, completion_tokens = 0 }
  for line in kept[batch.input_file_id].bytes:gmatch("[^\n]+") do
    local text, good, used = outcome(line, ask)
    table.insert(good and output or failed, text)
    for name, sum in pairs(usage) do usage[name] = sum + (used and used[name] or 0) end
  end
  batch.completed, batch.failed = #output, #failed
  batch.total = #output + #failed
  batch.request_counts = { total = batch.total, completed = #output, failed = #failed }
  batch.output_file_id = keep(results_of(output), "output.jsonl", "batch_output").id
  if #failed > 0 then
    batch.error_file_id = keep(results_of(failed), "error.jsonl", "batch_output").id
  end
  batch.completed_at = CREATED
  return usage
end

local function fail(batch, problem)
  batch.status, batch.errors, batch.failed_at = "FAILED", problem, CREATED
end

local NEXT = { validating = "PROGRESS", PROGRESS = "COMPLETED", CANCELLING = "CANCELLED" }

local function one_batch(id, tail, ask)
  local batch = batches[id]
  if not batch then return not_found("batch") end
  if tail == "/cancel" then
    if batch.status == "COMPLETED" then return refuse("the batch is completed") end
    batch.status = "CANCELLING"
    return answer(batch)
  end
  local usage
  local problem = batch.status == "validating" and problem_of(kept[batch.input_file_id].bytes)
  batch.status = NEXT[batch.status] or batch.status
  if problem then
    fail(batch, problem)
  elseif batch.status == "COMPLETED" and batch.output_file_id == "" then
    usage = run(batch, ask)
  end
  local found = answer(batch)
  found.usage = usage
  return found
end

-- A page of a list: at most `limit` members behind the one with the id `after`.
local function page(list, path)
  local limit = tonumber(path:match("[?&]limit=(%d+)") or 20)
  local after = path:match("[?&]after=([^&]+)")
  local data = json.array {}
  for _, member in ipairs(list) do
    if #data < limit and (not after or member.id > after) then data[#data + 1] = member end
  end
  local last = data[#data]
  return answer { object = "list", data = data, first_id = data[1] and data[1].id or "",
    last_id = last and last.id or "", has_more = last ~= nil and last ~= list[#list] }
end

--- Answers a request below /files or /batches, or gives nil.
---@param request table
---@param rest string its path below the base
---@param ask fun(body: string): table the answer to a chat
function files.answer(request, rest, ask)
  local kind, id, tail = rest:match("^/(files)/([^/]+)(.*)$")
  if kind then return one_file(request, id, tail) end
  kind, id, tail = rest:match("^/(batches)/([^/]+)(.*)$")
  if kind then return one_batch(id, tail, ask) end
  local post = request.method == "POST"
  if rest == "/files" then
    return post and upload(request)
      or answer { code = "0", message = "success", data = sorted(kept) }
  elseif rest == "/batches" then
    return post and create(request) or page(sorted(batches), request.path)
  end
end

return files
