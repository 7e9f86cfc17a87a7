-- The workflow of the page, as a file that `novita run` takes too: summarizes an article in three
-- bullets, decides which desk it belongs to, and writes it out.

local MODEL = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct"

-- Returns the desk that an answer names.
local function desk_of(answer)
  for _, desk in ipairs { "politics", "sports" } do
    if answer:lower():find(desk, 1, true) then return desk end
  end
  return "other"
end

local function write(article)
  local path = (os.getenv("RUNS_FOLDER") or ".") .. "/" .. article.desk .. ".md"
  local file = assert(io.open(path, "a"))
  assert(file:write(article.summary, "\n\n"))
  assert(file:close())
  return { path = path }
end

local function flow(run, trigger)
  local summary = run:chat("summarize", {
    model = MODEL, message = "Summarize this article in 3 bullets: " .. trigger.article,
  }):text()
  local answer = run:chat("route", {
    model = MODEL, message = "Which desk is it for, politics, sports or other? " .. summary,
  }):text()
  return run:step("write", { desk = desk_of(answer), summary = summary }, write)
end

return { name = "article", flow = flow, store = os.getenv("RUNS_STORE") or "runs.db" }
