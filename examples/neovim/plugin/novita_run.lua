-- :NovitaRun {flow.lua}         runs a workflow, whose trigger has the lines as `text`
-- :'<,'>NovitaRun {flow.lua}    the same with the selection
-- :NovitaRun! {flow.lua} [id]   retries a run that has paused; the last one without an id
-- luacheck: globals vim

vim.api.nvim_create_user_command("NovitaRun", function(command)
  require("novita_run").run(command)
end, { nargs = "+", range = "%", bang = true, complete = "file", desc = "Run a workflow" })
