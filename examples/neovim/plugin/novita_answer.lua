-- :Novita {prompt}         streams an answer below the cursor; <C-c> stops it, u takes it back
-- :'<,'>Novita {prompt}    the lines are {{selection}} in the prompt, or stand below it
-- luacheck: globals vim

vim.api.nvim_create_user_command("Novita", function(command)
  require("novita_answer").ask(command)
end, { nargs = "+", range = true, desc = "Ask a language model" })
