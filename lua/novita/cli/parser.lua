--- The command line: one parser for all subcommands, made from their descriptions.

local argparse = require("argparse")
local compat = require("novita.compat")
local console = require("novita.cli.console")
local core = require("novita.core")

local parser = {}

local WIDTH = 79 -- of help texts
local MARGIN = 28 -- where descriptions of options begin

--- First steps: command lines, and what they do.
parser.EXAMPLES = {
  { "novita keys set", "asks for your key, once, and keeps it" },
  { "novita config set model deepseek/deepseek-v3-0324", "chooses a model; novita models has all" },
  { "git diff --staged | novita chat 'Write a commit message'", "asks about what is piped in" },
  { "novita chat -c 'Make it shorter'", "goes on with that conversation" },
  { "novita batch run a.csv --output b.jsonl --prompt 'Sum up: {{row.text}}'",
    "makes a call for each row of a file" },
}

---@class novita.cli.Command
---@field name string
---@field summary string one sentence
---@field description? string what else there is to say, in place of the summary
---@field examples { [1]: string, [2]: string }[] a command line, and what it does
---@field json? string what --json prints; none: there is no such option
---@field forms? string[] options of other forms of the output, which --json excludes
---@field options? fun(parser: table) adds options and arguments to a parser of argparse
---@field run? fun(arguments: table): integer?, novita.Error|string|nil returns the exit status, or
---  nil and why it failed
---@field commands? novita.cli.Command[] subcommands of it

--- Returns the function that reads the value of an option, a number.
---@param wanted novita.OptionRule of that number
---@return fun(text: string): number?, string? convert nil and the problem of a wrong value
function parser.number(wanted)
  return function(text)
    local value = tonumber(text)
    if value and wanted.accepts(value) then return value end
    return nil, ('expected %s, got "%s"'):format(value and wanted.expected or "a number", text)
  end
end

-- The examples as the end of a help text.
local function epilog(examples)
  local lines = { "Examples:" }
  for _, example in ipairs(examples) do
    lines[#lines + 1] = "   " .. example[1]
    lines[#lines + 1] = "      " .. example[2]
  end
  return table.concat(lines, "\n")
end

-- Labels in help texts are one line, "-m, --model MODEL"; argparse gives each name a line.
local function label_options(own)
  for _, option in ipairs(own._options) do
    local label = table.concat(option._public_aliases, ", ")
    local argument = option:_get_argument_list()[1]
    if argument then label = label .. " " .. argument end
    function option._get_label_lines() return { label } end
  end
end

-- Adds the name of an option to the problem of its value.
local function name_options(own)
  for _, option in ipairs(own._options) do
    local convert = option._convert
    if type(convert) == "function" then
      function option._convert(text)
        local value, problem = convert(text)
        if value ~= nil then return value end
        return nil, ("%s: %s"):format(option._public_aliases[#option._public_aliases], problem)
      end
    end
  end
end

-- Prints a text that is all that is asked for.
local function finish(text)
  console.write(text .. "\n")
  os.exit(0, true)
end

-- Has --help notice where its text can't be written, which argparse does not.
local function add_help(own)
  own._options[own._help_option_idx]:action(function() finish(own:get_help()) end)
end

-- Adds the option --json, and refuses it beside another form of the output.
local function add_json(own, command)
  local json = own:flag("--json"):description("Print " .. command.json .. ".")
  for _, option in ipairs(own._options) do
    for _, name in ipairs(command.forms or {}) do
      if option._public_aliases[#option._public_aliases] == name then own:mutex(option, json) end
    end
  end
end

-- Adds a subcommand to the parser of the command above it.
local function add(above, command)
  local own = above:command(command.name):summary(command.summary)
    :description(command.description or command.summary):epilog(epilog(command.examples))
    :require_command(not command.run)
    :target("command " .. command.name) -- not the name of an option
  if command.options then command.options(own) end
  if command.json then add_json(own, command) end
  if command.run then
    own:action(function(arguments) arguments.run = arguments.run or command.run end)
  end
  add_help(own)
  label_options(own)
  name_options(own)
  for _, below in ipairs(command.commands or {}) do add(own, below) end
end

--- Makes the parser.
---@param commands novita.cli.Command[]
---@return table parser of argparse
function parser.new(commands)
  local root = argparse("novita", "Language models on the command line.")
    :usage_max_width(WIDTH):help_max_width(WIDTH):help_description_margin(MARGIN)
    :epilog(epilog(parser.EXAMPLES) .. "\n\n`novita COMMAND --help` has the options and examples "
      .. "of a command, and `man novita` all of them.")
  root:flag("--version"):description("Print the version and exit."):action(function()
    finish("novita " .. core.version)
  end)
  add_help(root)
  for _, command in ipairs(commands) do add(root, command) end
  return root
end

-- Joins a negative number to the option before it: argparse takes one for an option.
local function join_numbers(words)
  local list, is_text = {}, false
  for _, word in ipairs(words) do
    local last = list[#list] or ""
    if not is_text and word:find("^%-%.?%d") and last:find("^%-%-?%a[%w-]*$") then
      list[#list] = last .. (last:find("^%-%-") and "=" or "") .. word
    else
      list[#list + 1] = word
    end
    is_text = is_text or word == "--"
  end
  return list
end

local function has_subcommands(commands, name)
  for _, command in ipairs(commands) do
    if command.name == name then return command.commands ~= nil end
  end
  return false
end

-- The words as argparse reads them: `help` before a command, and `version`, are options there.
local function spell(commands, words)
  local list = join_numbers(words)
  local at = list[1] == "help" and 1
    or list[2] == "help" and has_subcommands(commands, list[1]) and 2
  if at then
    table.remove(list, at)
    list[#list + 1] = "--help"
  elseif list[1] == "version" then
    list[1] = "--version"
  end
  return list
end

--- Reads a command line.
---@param commands novita.cli.Command[]
---@param words string[]
---@return table? arguments with `run`, the function of the subcommand, and `words`; nil if the line
---  can't be read, which was said then
---@return integer? status
function parser.parse(commands, words)
  local root, wrong = parser.new(commands), {}
  function root.error(own, message)
    wrong.text = ("%s\n\nnovita: %s\n%s --help has more\n"):format(own:get_usage(), message,
      own:_get_fullname())
    error(wrong, 0)
  end
  local ok, arguments = pcall(root.parse, root, spell(commands, words))
  if ok then
    arguments.words = { compat.unpack(words) } -- without those below 1, as `arg` has
    return arguments
  end
  if arguments ~= wrong then error(arguments, 0) end
  io.stderr:write(wrong.text)
  return nil, 2
end

return parser
