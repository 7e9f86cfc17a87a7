--- `novita runs`: lists runs, shows them, goes on with them.

local compat = require("novita.compat")
local console = require("novita.cli.console")
local core = require("novita.core")
local flow_file = require("novita.cli.flow_file")
local loops = require("novita.loop")
local number = require("novita.cli.parser").number
local records = require("novita.workflow.records")
local rule = require("novita.rule")
local running = require("novita.cli.running")
local timeline = require("novita.cli.timeline")

local PAUSE = 0.5 -- seconds between two looks at an empty queue

local function list(arguments)
  return running.with_store(arguments.store, nil, function(store)
    local found, err = store:runs { flow = arguments.flow, status = arguments.status,
      limit = arguments.count }
    if not found then return nil, err end
    local line_of = console.is_terminal(io.stdout) and timeline.head or timeline.row
    for _, record in ipairs(found) do
      if arguments.json then
        running.write_json(record)
      else
        console.write(line_of(record) .. "\n")
      end
    end
    return 0
  end)
end

local function show(arguments)
  return running.with_store(arguments.store, nil, function(store)
    local record, err = store:run(arguments.id, { content = arguments.content or false })
    if not record then return nil, err end
    if arguments.html then
      console.write(require("novita.workflow.html").file(record))
    elseif arguments.json then
      running.write_json(record)
    else
      console.write(table.concat(timeline.lines(record), "\n") .. "\n")
    end
    return 0
  end)
end

-- Calls fn with the workflow of a run and the run's id.
local function with_flow(arguments, fn)
  return running.with_store(arguments.store, nil, function(store)
    local record, err = records.find(store, arguments.id)
    if not record then return nil, err end
    local file
    file, err = flow_file.of_run(store, record.flow, arguments.file)
    if not file then return nil, err end
    file.name = record.flow
    local flow
    flow, err = flow_file.workflow(file, store, running.options(file))
    if not flow then return nil, err end
    return running.conclude(arguments, running.attempt(file, function()
      return fn(flow, record.id)
    end))
  end)
end

local function retry(arguments)
  return with_flow(arguments, function(flow, id) return flow:retry(id) end)
end

local function fork(arguments)
  return with_flow(arguments, function(flow, id) return flow:fork(id, arguments.step) end)
end

-- Runs what is queued until `ended` says so; nil and an error of the store.
local function work_off(file, flow, ended)
  local loop = loops.here()
  while true do
    local record, err = running.attempt(file, function() return flow:work() end)
    if err then return nil, err end
    if record then console.note(timeline.head(record)) end
    if ended(record) then return true end
    if not record then loop.sleep(PAUSE) end
  end
end

local function work(arguments)
  local file, err = flow_file.read(arguments.flow)
  if not file then return nil, err end
  return running.with_store(arguments.store, file, function(store)
    local flow, problem = flow_file.workflow(file, store, {})
    if not flow then return nil, problem end
    local watch = core.interrupts()
    local ok, done, failure = compat.pcall(work_off, file, flow, function(record)
      return watch:count() > 0 or arguments.once and not record
    end)
    local interrupted = watch:count() > 0
    watch:close()
    if not ok then error(done, 0) end
    if not done then return nil, failure end
    return interrupted and 130 or 0
  end)
end

local function remove(arguments)
  return running.with_store(arguments.store, nil, function(store)
    local id, err = records.remove(store, arguments.id)
    if not id then return nil, err end
    return 0
  end)
end

local function add_store(parser)
  parser:option("--store"):argname("ADDRESS"):description("Where the runs are kept.")
end

local function id_of(text)
  if text ~= "" then return text end
  return nil, 'expected the first letters of an id, got ""'
end

local function add_run(parser)
  parser:argument("id"):argname("ID"):convert(id_of)
    :description("The run: the first letters of its id.")
  add_store(parser)
end

local function add_file(parser)
  add_run(parser)
  parser:option("--file"):argname("FLOW"):description("The file of its workflow; default: that of "
    .. "the last `novita run`.")
end

local COMMANDS = {
  {
    name = "list", summary = "List runs, the newest first.", json = "them as JSON, one a line",
    examples = { { "novita runs list --status paused", "lists those that wait for a retry" } },
    options = function(parser)
      parser:option("--flow"):argname("NAME"):description("Those of this workflow.")
      parser:option("--status"):description("Those with this status.")
        :choices { "queued", "running", "paused", "done", "crashed" }
      parser:option("-n --count"):argname("COUNT"):convert(number(rule.integer(1)))
        :description("So many of them.")
      add_store(parser)
    end,
    run = list,
  },
  {
    name = "show", summary = "Show the log of a run.", json = "the record as JSON",
    forms = { "--html" },
    examples = {
      { "novita runs show 3f9a", "shows each attempt of the run that begins so" },
      { "novita runs show 3f9a --content --html > run.html", "writes it as a page" },
    },
    options = function(parser)
      add_run(parser)
      parser:flag("--content"):description("With what was asked and answered.")
      parser:flag("--html"):description("As one page of HTML.")
    end,
    run = show,
  },
  {
    name = "retry", summary = "Go on with a run that is paused or has crashed.",
    json = "the record as JSON",
    examples = { { "novita runs retry 3f9a", "goes on where that run has failed" } },
    options = add_file, run = retry,
  },
  {
    name = "fork", summary = "Run again from a step on, as a new run.", json = "the record as JSON",
    examples = { { "novita runs fork 3f9a write", "has the results of the steps before write" } },
    options = function(parser)
      add_file(parser)
      parser:argument("step"):args("?"):argname("STEP"):description("The first step that is made "
        .. "again; default: those whose input has changed.")
    end,
    run = fork,
  },
  {
    name = "work", summary = "Run what is queued, until interrupted.",
    examples = { { "novita runs work triage.lua", "runs what others queue of this workflow" } },
    options = function(parser)
      parser:argument("flow"):argname("FLOW"):description("The file of the workflow.")
      parser:flag("--once"):description("End when nothing is queued.")
      add_store(parser)
    end,
    run = work,
  },
  {
    name = "rm", summary = "Remove a run and its log.",
    examples = { { "novita runs rm 3f9a", "removes the run that begins so" } },
    options = add_run, run = remove,
  },
}

return {
  name = "runs",
  summary = "List, show and retry the runs of workflows.",
  examples = {
    { "novita runs list", "lists them, the newest first" },
    { "novita runs retry 3f9a", "goes on with one that is paused" },
  },
  commands = COMMANDS,
}
