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
function methods:try(fields)
  local all = {
    input = self.input, output = self.output, interrupts = false,
    request = { model = "simulator/echo", message = "{{row.text}}", max_tokens = 20 },
  }
  for name, value in pairs(fields or {}) do all[name] = value or nil end
  local batch, err = talk.client():batch(all)
  if batch then self.open[#self.open + 1] = batch.store end
  return batch, err
end

--- The same, which must succeed.
function methods:batch(fields)
  return assert(self:try(fields))
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
