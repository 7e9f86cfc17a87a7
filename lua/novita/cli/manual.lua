--- The man page, made from the parsers: `make man` writes doc/novita.1.

require("novita.loader")

local cli = require("novita.cli")
local core = require("novita.core")
local parser = require("novita.cli.parser")

local manual = {}

local STATUS = {
  { "0", "All is done." },
  { "1", "Something failed for good." },
  { "2", "The command line, a setting or a file that it names can't be used; nothing was sent." },
  { "3", "There is more to do, and the same command goes on with it." },
  { "130", "Interrupted by Ctrl-C." },
}

local ENVIRONMENT = {
  { "NOVITA_API_KEY", "The key. It comes before the one that `novita keys set` keeps." },
  { "NOVITA_BASE_URL", "A server other than Novita's." },
  { "NOVITA_MODEL", "The model where no -m names one." },
  { "NOVITA_LUA", "The Lua that runs the command, such as luajit." },
  { "NO_COLOR", "If it is set and not empty, nothing is coloured." },
  { "XDG_CONFIG_HOME, XDG_DATA_HOME", "Where the files below stand, in place of ~/.config and "
    .. "~/.local/share." },
}

local FILES = {
  { "~/.config/novita/key", "The key, readable for its owner only." },
  { "~/.config/novita/config.json", "The settings." },
  { "~/.local/share/novita/conversations.db", "The conversations, readable for their owner only." },
  { "~/.local/share/novita/runs.db", "The runs of workflows, readable for their owner only." },
}

-- A text as troff reads it: no line of it is a request, and a hyphen is one that can be copied.
local function escape(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("\n", " "):gsub("^([.'])", "\\&%1"))
end

local function add(lines, ...)
  for _, line in ipairs { ... } do lines[#lines + 1] = line end
end

local function add_list(lines, title, list)
  add(lines, ".SH " .. title)
  for _, pair in ipairs(list) do add(lines, ".TP", ".B " .. escape(pair[1]), escape(pair[2])) end
end

-- "novita batch run [options] FILE": the arguments, and not the options, which follow.
local function synopsis(own)
  local words = { own:_get_fullname() }
  if own._commands[1] then
    words[#words + 1] = own._require_command and "COMMAND" or "[COMMAND]"
  else
    words[#words + 1] = "[OPTION ...]"
  end
  for _, argument in ipairs(own._arguments) do
    if not argument._hidden then words[#words + 1] = argument:_get_usage() end
  end
  return table.concat(words, " ")
end

local function add_elements(lines, elements)
  for _, element in ipairs(elements) do
    if not element._hidden and element._name ~= "-h" then
      add(lines, ".TP", ".B " .. escape(element:_get_label_lines()[1]),
        escape(element:_get_description()))
    end
  end
end

local function add_examples(lines, examples)
  for _, example in ipairs(examples) do
    add(lines, ".TP", ".EX", escape(example[1]), ".EE", escape(example[2]))
  end
end

local function add_command(lines, own, command)
  add(lines, ".SS " .. escape(synopsis(own)), escape(command.description or command.summary))
  add_elements(lines, own._arguments)
  add_elements(lines, own._options)
  add(lines, ".PP", "Examples:")
  add_examples(lines, command.examples)
  for index, below in ipairs(command.commands or {}) do
    add_command(lines, own._commands[index], below)
  end
end

--- Makes the page.
---@return string text for man
function manual.page()
  local commands = cli.commands()
  local root = parser.new(commands)
  local lines = {
    '.\\" Made by `make man` from the parsers of the command.',
    ('.TH NOVITA 1 "" "novita %s" "User Commands"'):format(core.version),
    ".SH NAME", "novita \\- language models on the command line",
    ".SH SYNOPSIS", ".B novita", ".I COMMAND", "[\\fIOPTION\\fR ...] [\\fIARGUMENT\\fR ...]",
    ".SH DESCRIPTION",
    "Asks the models of Novita AI, or of any server that speaks the same API. Standard output has",
    "data and nothing else; what is said to a person goes to standard error.",
    ".SH EXAMPLES",
  }
  add_examples(lines, parser.EXAMPLES)
  add(lines, ".SH COMMANDS")
  for index, command in ipairs(commands) do add_command(lines, root._commands[index], command) end
  add_list(lines, "EXIT STATUS", STATUS)
  add_list(lines, "ENVIRONMENT", ENVIRONMENT)
  add_list(lines, "FILES", FILES)
  return table.concat(lines, "\n") .. "\n"
end

return manual
