-- Batches against the shared simulator, each in a folder of its own.
--
--   local place = batches.place()              before each test; place:remove() after it
--   place:rows { { id = "a", text = "Hi" } }   writes the input
--   local batch = place:batch { concurrency = 2 }
--   place:lines()                              the output, decoded

local core = require("novita.core")
local files = require("spec.support.files")
local talk = require("spec.support.client")

local batches = { sim = talk.sim }

local methods = {}
local mt = { __index = methods }
batches.methods = methods

--- Makes a folder for a batch.
function batches.place()
  local dir = files.folder()
  talk.sim:reset()
  return setmetatable({
    dir = dir, input = dir .. "/in.jsonl", output = dir .. "/out.jsonl", db = dir .. "/out.db",
    open = {},
  }, mt)
end

--- Writes the input, as JSON Lines; a string is a line as it is.
function methods:rows(list)
  local lines = {}
  for index, row in ipairs(list) do
    lines[index] = (type(row) == "string" and row or assert(core.encode(row))) .. "\n"
  end
  files.write(self.input, table.concat(lines))
end

--- Writes so many rows: { id = "r1", text = "text 1" } ...
function methods:numbered(count)
  local list = {}
  for number = 1, count do
    list[number] = ('{"id":"r%d","text":"text %d"}'):format(number, number)
  end
  self:rows(list)
end

--- Makes a batch of the input, or nil and an error; it echoes the field text of each row.
function methods:try(fields, client)
  local all = {
    input = self.input, output = self.output, interrupts = false,
    request = { model = "simulator/echo", message = "{{row.text}}", max_tokens = 20 },
  }
  for name, value in pairs(fields or {}) do all[name] = value or nil end
  local batch, err = (client or talk.client()):batch(all)
  if batch then self.open[#self.open + 1] = batch.store end
  return batch, err
end

--- The same, which must succeed.
function methods:batch(fields, client)
  return assert(self:try(fields, client))
end

--- Runs such a batch, which must succeed.
function methods:run(fields)
  return assert(self:batch(fields):run())
end

--- The lines of the output, decoded.
function methods:lines()
  local list = {}
  for line in io.lines(self.output) do list[#list + 1] = assert(core.decode(line)) end
  return list
end

--- What the model said, by ids; the code of the error where there is one.
function methods:texts()
  local texts = {}
  for _, line in ipairs(self:lines()) do
    local choices = not line.error and line.response.body.choices
    texts[line.custom_id] = choices and choices[1].message.content or line.error.code
  end
  return texts
end

--- How many calls the server was asked for.
function batches.sent()
  local count = 0
  for _, entry in ipairs(talk.sim:journal()) do
    if entry.method == "POST" then count = count + 1 end
  end
  return count
end

--- Has every call answered so from now on; nothing: as usual.
---@param step? simulator.step
function batches.always(step)
  if step then step.match = "/chat/completions" end
  talk.sim:always(step)
end

-- At the server ----------------------------------------------------------------------------------

--- Asks until all parts have ended.
---@return table fetched
function batches.fetch(batch)
  return assert(batch:fetch { wait = true, interval = 0 })
end

--- What was posted to a path, as entries of the journal.
---@param path string or a part of it
---@return table[]
function batches.posts(path)
  local list = {}
  for _, entry in ipairs(talk.sim:journal()) do
    if entry.method == "POST" and entry.path:find(path, 1, true) then list[#list + 1] = entry end
  end
  return list
end

--- The requests of an uploaded file, by their ids.
---@param entry table of the journal
---@return table<string, table>
function batches.uploaded(entry)
  local found = {}
  for line in entry.body:gmatch("{\"custom_id\"[^\n]+") do
    local request = assert(core.decode(line))
    found[request.custom_id] = request
  end
  return found
end

--- A line of an output file of the server.
---@param id string
---@param text string what the model said
---@return string
function batches.success(id, text)
  return ('{"custom_id":"%s","error":null,"id":"x","response":{"body":{ "z":1.50, "choices":[{'
    .. '"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{'
    .. '"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}},"request_id":"q","status_code":'
    .. '200}}'):format(id, text)
end

--- Sends rows r1 ... and has the server say how their batch stands, with files of these lines.
---@param count integer
---@param says table status, errors, output_file_id, error_file_id; fields of the batch
---@return table batch
function methods:submitted(count, says)
  self:numbered(count)
  local batch = self:batch(says.fields)
  local part = assert(batch:submit()).parts[1]
  local told = { id = part.id, object = "batch", status = says.status, errors = says.errors or "",
    output_file_id = "", error_file_id = "" }
  for _, name in ipairs { "output_file_id", "error_file_id" } do
    if says[name] then
      told[name] = assert(talk.client().files:upload { bytes = says[name] }).id
    end
  end
  talk.sim:script { { match = "/batches/" .. part.id, uses = 9,
    body = assert(core.encode(told)) } }
  return batch
end

-- The store --------------------------------------------------------------------------------------

--- Runs a statement on the store.
function methods:query(sql, ...)
  local db = assert(require("novita.sqlite").open(self.db))
  local rows = assert(db:query(sql, ...))
  db:close()
  return rows
end

--- The names of the files beside the input.
function methods:others()
  local pipe = io.popen(("ls -A '%s' | grep -vx in.jsonl"):format(self.dir))
  local names = {}
  for name in pipe:lines() do
    if not name:find("%-[ws][ah][lm]$") then names[#names + 1] = name end
  end
  pipe:close()
  return names
end

--- Closes the stores and removes the folder.
function methods:remove()
  for _, store in ipairs(self.open) do store:close() end
  os.execute("rm -rf '" .. self.dir .. "'")
end

return batches
