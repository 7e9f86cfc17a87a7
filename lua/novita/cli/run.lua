--- `novita run`: starts a run of a workflow.

local console = require("novita.cli.console")
local core = require("novita.core")
local each = require("novita.compat").each
local error_hint = require("novita.error_hint")
local files = require("novita.cli.files")
local flow_file = require("novita.cli.flow_file")
local json_text = require("novita.json_text")
local next = require("novita.compat").next
local prompt = require("novita.cli.prompt")
local running = require("novita.cli.running")

-- The trigger: JSON, from the command line, a file or standard input.
local function read_trigger(given)
  if not given then return {} end
  local text = given
  if given == "-" or given:sub(1, 1) == "@" then
    local err
    text, err = files.read(given == "-" and given or given:sub(2))
    if not text then return nil, err end
  end
  local value, problem = json_text.decode(text)
  if problem then return nil, error_hint.config_error("--trigger", problem) end
  return value
end

-- The trigger with the fields that -p gives.
local function trigger_of(arguments)
  local trigger, err = read_trigger(arguments.trigger)
  if err then return nil, err end
  local fields
  fields, err = prompt.pairs("-p", arguments.variable)
  if not fields then return nil, err end
  if next(fields) == nil then return trigger end
  if type(trigger) ~= "table" then
    return nil, error_hint.config_error("-p", "the trigger is no object")
  end
  for name, value in each(fields) do trigger[name] = value end
  return trigger
end

local function show_plan(arguments, flow, trigger)
  local plan, err = flow:plan(trigger)
  if not plan then return nil, err end
  if arguments.json then
    console.write_json(plan)
  else
    for _, step in ipairs(plan.steps) do
      local name = step.item and ("%s[%d]"):format(step.step, step.item) or step.step
      local needs = step.needs and "needs " .. table.concat(step.needs, ", ")
      console.write(("%s\t%s\t%s\n"):format(name, step.kind,
        needs or step.input and assert(core.encode(step.input)) or ""))
    end
  end
  if plan.error then return nil, plan.error end
  if plan.waits_for then
    console.note("novita: the rest depends on the answer of " .. plan.waits_for)
  end
  return 0
end

local function run(arguments)
  local file, err = flow_file.read(arguments.flow)
  if not file then return nil, err end
  local trigger
  trigger, err = trigger_of(arguments)
  if err then return nil, err end
  local address = arguments.dry_run and ":memory:" or arguments.store
  return running.with_store(address, file, function(store)
    local flow, problem = flow_file.workflow(file, store, running.options(file), arguments.dry_run)
    if not flow then return nil, problem end
    if arguments.dry_run then return show_plan(arguments, flow, trigger) end
    local done
    done, problem = flow_file.remember(store, file)
    if not done then return nil, problem end
    return running.conclude(arguments, running.attempt(file, function()
      return flow:start(trigger, { queue = arguments.queue or nil })
    end))
  end)
end

return {
  name = "run",
  summary = "Run a workflow: steps whose results are kept.",
  description = "Run a workflow. FLOW is a Lua file that returns a function or a list of steps, or "
    .. "a table with one as `flow`, a `name` and options; or a JSON file with a list of steps. A "
    .. "run that fails pauses, and `novita runs retry` goes on from there.",
  examples = {
    { "novita run triage.lua -p text='printer on fire'", "starts a run with this trigger" },
    { "novita run triage.lua --trigger @mail.json", "has the trigger from a file" },
    { "novita run triage.lua -p text=x --dry-run", "shows what would be asked; sends nothing" },
  },
  json = "the record of the run, with its log, as JSON",
  options = function(parser)
    parser:argument("flow"):argname("FLOW"):description("The file of the workflow.")
    parser:option("-p --param"):target("variable"):argname("NAME=VALUE"):count("*")
      :description("A field of the trigger, as text.")
    parser:option("--trigger"):argname("JSON"):description("The trigger: JSON, @FILE or -.")
    parser:option("--store"):argname("ADDRESS"):description("Where runs are kept; default: the "
      .. "file's own, or that of the user.")
    parser:mutex(
      parser:flag("--dry-run"):description("Show what would be asked, and send nothing."),
      parser:flag("--queue"):description("Only write the run down, for `novita runs work`."))
  end,
  run = run,
}
