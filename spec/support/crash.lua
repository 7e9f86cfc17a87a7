-- Runs of `novita batch` as processes that end in any way, and what is known of them afterwards.
--
--   local place = crash.place(300)                a batch of so many rows in a folder of its own
--   local process = place:start("--hold")         novita batch run; place:run() waits for its end
--   native.kill(process.pid, "KILL")
--   local recorded = place:recorded()             what its store has, from a copy of the files
--   local counts = place:paid()                   calls that the server was asked for, by the row
--   place:remove()
--
-- The simulator gives each answer the same marks, so that the output depends on the rows alone.

local batches = require("spec.support.batches")
local child = require("spec.support.child")
local core = require("novita.core")
local files = require("spec.support.files")

local crash = { concurrency = 16, sim = batches.sim }

local methods = setmetatable({}, { __index = batches.methods })
local mt = { __index = methods }

--- Makes a batch of rows whose texts are "text 1" and so on. Each call takes `delay` seconds.
function crash.place(rows, delay)
  local place = setmetatable(batches.place(), mt)
  place:numbered(rows)
  place:answer { delay = delay or 0.01 }
  return place
end

--- Has calls answered so from now on.
function methods.answer(_, step)
  step.match, step.headers = "/chat/completions", { ["X-Request-Id"] = "same" }
  step.answer = step.answer or {}
  step.answer.id, step.answer.extra = "same", { created = 0 }
  crash.sim:always(step)
end

--- The words of the command.
function methods:words(...)
  return {
    "bin/novita", "batch", "run", self.input, "--output", self.output, "-m", "simulator/echo",
    "--prompt", "{{row.text}}", "--concurrency", crash.concurrency, "--json", ...,
  }
end

function methods:start(...)
  local words = self:words(...)
  for index, word in ipairs(words) do words[index] = tostring(word) end
  return child.start_words(words, {
    NOVITA_BASE_URL = crash.sim.url, NOVITA_API_KEY = "sk_spec", HOME = self.dir,
    XDG_DATA_HOME = self.dir, XDG_CONFIG_HOME = self.dir,
  })
end

--- The end of a process: its exit status or nil, its summary or nil, all that it printed.
function crash.finish(process)
  local output, how, number = process:finish()
  local json = output:match("\n({[^\n]*})\n") or output:match("^({[^\n]*})\n")
  return how == "exit" and number or nil, json and core.decode(json), output
end

function methods:run(...)
  return crash.finish(self:start(...))
end

--- What the store has recorded: answers by the row, and the rows whose calls are in flight. The
--- files are copied first, since to open them would mend what a crash has left.
function methods:recorded()
  local copy = files.folder()
  local recorded = { answers = {}, sent = {}, done = 0 }
  os.execute(("cp '%s'* '%s' 2>/dev/null"):format(self.db, copy))
  local db = assert(require("novita.sqlite").open(copy .. "/out.db"))
  for _, row in ipairs(db:query([[select id, state, body from call
    left join call_answer on call_answer.n = call.n]]) or {}) do
    if row[2] == "sent" then recorded.sent[#recorded.sent + 1] = row[1] end
    if row[2] == "done" then
      recorded.answers[row[1]], recorded.done = row[3], recorded.done + 1
    end
  end
  db:close()
  os.execute("rm -r '" .. copy .. "'")
  return recorded
end

--- The calls that the server was asked for, by the number of the row, and their sum.
function methods.paid()
  local counts, sum = {}, 0
  for _, entry in ipairs(crash.sim:journal()) do
    local number = entry.method == "POST" and tonumber((entry.body or ""):match("text (%d+)"))
    if number then
      counts[number] = (counts[number] or 0) + 1
      sum = sum + 1
    end
  end
  return counts, sum
end

--- The bytes of the output; nil where there is none.
function methods:written()
  return files.read(self.output)
end

return crash
