--- Runs a workflow from the editor: `flow.lua` is a file as `novita run` takes it, which returns a
--- table with name, flow, store and other options of the workflow.
---
--- The run is a task, so the editor is not blocked. It is kept in the store, so one that pauses can
--- be retried, here or by another program.
-- luacheck: globals vim

local novita = require("novita")

local run = {}

local paused = {} -- path of a flow -> id of the last run that has paused

-- One line, short enough not to ask for <Enter>.
local function notify(text, level)
  text = ("novita: " .. text):gsub("%s+", " ")
  vim.notify(vim.fn.strcharpart(text, 0, vim.o.columns - 12), vim.log.levels[level])
end

local function show_step(event)
  if event.state == "sent" then notify(event.step .. " ...", "INFO") end
end

local function report(path, record, err)
  if not record then return notify(tostring(err), "ERROR") end
  paused[path] = record.status == "paused" and record.id or nil
  if record.status == "done" then return notify("run " .. record.id .. " is done", "INFO") end
  notify(("%s failed, :NovitaRun! retries run %s: %s"):format(record.failed_step, record.id,
    record.error.message), "ERROR")
end

local function load_flow(path)
  local file, options = dofile(path), {}
  for name, value in pairs(file) do
    if name ~= "name" and name ~= "flow" then options[name] = value end
  end
  return assert(novita.workflow(file.name, file.flow, options))
end

--- Runs the command: `command` is what nvim_create_user_command gives.
function run.run(command)
  local path, id = command.fargs[1], command.fargs[2]
  local ok, flow = pcall(load_flow, path)
  if not ok then return notify(tostring(flow), "ERROR") end
  id = id or paused[path]
  if command.bang and not id then return notify("no run of " .. path .. " has paused", "ERROR") end
  local lines = vim.api.nvim_buf_get_lines(0, command.line1 - 1, command.line2, true)
  local trigger = { text = table.concat(lines, "\n"), path = vim.api.nvim_buf_get_name(0) }
  local options = { on_step = show_step }
  novita.spawn(function()
    if command.bang then return report(path, flow:retry(id, options)) end
    report(path, flow:start(trigger, options))
  end)
end

return run
