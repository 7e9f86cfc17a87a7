--- `novita completion`: a script that lets a shell complete command lines.

local console = require("novita.cli.console")

local function run(arguments)
  local root = require("novita.cli.parser").new(require("novita.cli").commands())
  console.write(root["get_" .. arguments.shell .. "_complete"](root))
  return 0
end

return {
  name = "completion",
  summary = "Print a script that completes command lines in a shell.",
  examples = {
    { "novita completion bash >~/.local/share/bash-completion/completions/novita", "for bash" },
    { "novita completion zsh >~/.zfunc/_novita", "for zsh; ~/.zfunc has to be in fpath" },
    { "novita completion fish >~/.config/fish/completions/novita.fish", "for fish" },
  },
  options = function(parser)
    parser:argument("shell"):description("Which one."):choices { "bash", "zsh", "fish" }
  end,
  run = run,
}
