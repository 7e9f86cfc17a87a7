-- The terminal sessions of the pages are what a person sees: each command is run at a terminal of
-- 80 columns, against the simulator, which answers what the page says that the model did.

local command = require("spec.support.command")
local files = require("spec.support.files")
local screen = require("spec.support.screen")
local simulator = require("spec.support.simulator_client")

local MODEL = "meta-llama/llama-3.3-70b-instruct"
local MAILS = { "The parcel never came.", "How do I change my password?" }

local TRIAGE = [[
return {
  { name = "topic", chat = { message = "Topic of: {{trigger.text}}" } },
  { name = "reply", chat = { message = "Two lines on {{steps.topic.text}}" } },
}
]]

-- The commands of a session and what each shows.
local function steps_of(block)
  local steps = {}
  for line in block:gmatch("([^\n]*)\n") do
    local words = line:match("^%$ (.*)$")
    if words then
      steps[#steps + 1] = { words = words, shown = "" }
    else
      steps[#steps].shown = steps[#steps].shown .. line .. "\n"
    end
  end
  return steps
end

local ID = ("%x"):rep(12) -- of a run

-- Numbers that depend on the moment are one: those of lines about progress and about what is left,
-- ids of runs and of requests, dates and seconds.
local function steady(text)
  text = text:gsub("request %x+", "request N"):gsub("%f[%x]" .. ID .. "%f[%X]", "ID")
    :gsub("%d+%-%d+%-%d+ %d+:%d+:%d+", "DATE"):gsub("%d+%.%d%d s%f[%A]", "N s")
  return (text:gsub("[^\n]*", function(line)
    if not line:find(" rows", 1, true) then return nil end
    return (line:gsub(", %d+:%d+ left", ""):gsub("%d[%d.]*", "N"))
  end))
end

describe("the terminal sessions of", function()
  local sim = simulator.shared()
  local home, variables

  local function prepare()
    local lines = {}
    for index = 1, 100 do
      lines[index] = ('{"id":"m%d","text":"%s"}\n'):format(index, MAILS[index] or "Mail " .. index)
    end
    files.write(home.path .. "/mails.jsonl", table.concat(lines))
    files.write(home.path .. "/greet.lua", 'print("Hello")\n')
    files.write(home.path .. "/triage.lua", TRIAGE)
    os.execute(("cd %s && { git init -q && git add greet.lua && git -c user.name=a -c user.email=b "
      .. "commit -qm one && echo 'print(\"Hello, world\")' >greet.lua && git add greet.lua; } "
      .. ">/dev/null 2>&1"):format(home.path))
  end

  before_each(function()
    sim:reset()
    home = command.home()
    variables = { NOVITA_BASE_URL = sim.url, NOVITA_API_KEY = "sk_spec", GIT_PAGER = "cat" }
    prepare()
  end)
  after_each(function() home:remove() end)

  -- The simulator gives the answer of the page, and takes its time for rows of a batch.
  local function script(step)
    local text = step.shown:gsub("\n%d+ tokens? in.*$", ""):gsub("\n$", "")
    sim:reset()
    if step.words:find("novita chat", 1, true) then
      sim:script { { match = "/chat/completions", answer = { content = text } } }
    elseif step.words:find("novita run ", 1, true) then
      sim:script { { match = "Topic of", answer = { content = "delivery" } },
        { match = "Two lines", status = 400, message = "the model is overloaded" } }
    elseif step.words:find("runs retry", 1, true) then
      sim:script { { answer = { content = text:match("\n(.*)$") } } }
    elseif step.words:find("batch r", 1, true) then
      sim:always { match = "/chat/completions", delay = 0.1, answer = { content = "delivery" } }
    end
  end

  -- Runs a command as a person would, who presses Ctrl-C where the page shows it.
  local function run(step)
    script(step)
    local terminal = home:shell(step.words, variables, 80)
    if step.shown:find("^C", 1, true) then
      terminal:expect("/100 rows")
      terminal:type("\3")
    end
    if step.words == "novita keys set" then
      terminal:expect(": ")
      terminal:type("sk_spec\n")
    end
    terminal:finish()
    return (screen.of(terminal.shown):gsub((home.path:gsub("%p", "%%%0")), "/home/ann"))
  end

  for _, page in ipairs { "README.md", "doc/command.md" } do
    for block in files.read(page):gmatch("\n```console\n(.-\n)```") do
      local steps = steps_of(block)
      it(page .. ", the one that begins with " .. steps[1].words, function()
        home:run("config set model " .. MODEL)
        local id
        for _, step in ipairs(steps) do
          if id then step.words = step.words:gsub(ID, id) end
          local shown = run(step)
          assert.are.equal(steady(step.shown), steady(shown), step.words)
          id = id or shown:match("run (" .. ID .. ")")
        end
      end)
    end
  end

  it("doc/command.md exist", function()
    assert.is_truthy(files.read("doc/command.md"):find("\n```console\n", 1, true))
  end)
end)
