-- An article in 3 bullets: summarized, routed by its kind, written out. The flow is a list of
-- steps, data alone but for the function that writes.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/article.lua

local novita = require("novita")

local ARTICLE = [[
The town council has voted to turn the old railway into a cycle path. Work begins in spring and
takes two years. Some neighbours fear noise; the council promises trees.]]

local kind_of_text = {
  name = "kind",
  schema = {
    type = "object", required = { "kind" },
    properties = { kind = { type = "string", enum = { "news", "opinion", "advert" } } },
  },
}

local function write(input)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write("# ", input.title, "\n\n", input.text, "\n")
  file:close()
  print(("%s: %d bytes"):format(input.title, #input.text))
  os.remove(path) -- a program would keep it
  return #input.text
end

local function fail(err)
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local flow, err = novita.workflow("article", {
  { name = "bullets", chat = {
    model = "{{trigger.model}}",
    message = "Summarize this article in 3 bullets: {{trigger.article}}",
  } },
  { name = "kind", chat = {
    model = "{{trigger.model}}", message = "News, opinion or advert? {{steps.bullets.text}}",
    response_format = kind_of_text,
  } },
  { name = "write", when = { ["steps.kind.json.kind"] = { "news", "opinion" } }, run = write,
    input = { title = "In short", text = "{{steps.bullets.text}}" } },
  { name = "drop", when = { ["steps.kind.json.kind"] = "advert" }, run = write,
    input = { title = "Dropped", text = "{{trigger.article}}" } },
}, { store = ":memory:" })
if not flow then return fail(err) end

local record
record, err = flow:start {
  article = arg[1] or ARTICLE, model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
}
if not record then return fail(err) end
if record.status ~= "done" then return fail(record.error) end
print(("%d tokens"):format(record.prompt_tokens + record.completion_tokens))
