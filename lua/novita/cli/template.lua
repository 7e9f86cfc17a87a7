--- `novita template`: tries templates of prompts.

local console = require("novita.cli.console")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local files = require("novita.cli.files")
local json_text = require("novita.json_text")
local template = require("novita.template")

-- The data of --data, or of a line of it; nil and an error.
local function read_data(path)
  local text, err = files.read(path)
  if not text then return nil, err end
  local data, problem = json_text.decode(text)
  if type(data) == "table" then return data end
  return nil, error_hint.config_error(path, problem or "is no JSON object")
end

local function print_variables(compiled, arguments)
  local names = compiled:variables()
  if arguments.json then
    console.write_json { variables = core.array(names) }
  elseif names[1] then
    console.write(table.concat(names, "\n") .. "\n")
  end
  return 0
end

local function check(arguments)
  local source, err = files.read(arguments.file)
  if not source then return nil, err end
  local compiled, failure = template.compile(source)
  if not compiled then return nil, arguments.file .. ": " .. failure.message end
  if not arguments.data then return print_variables(compiled, arguments) end
  local data
  data, err = read_data(arguments.data)
  if not data then return nil, err end
  local text
  text, failure = compiled:render(data)
  if not text then return nil, arguments.file .. ": " .. failure.message end
  if arguments.json then console.write_json { text = text } else console.write(text) end
  return 0
end

return {
  name = "template",
  summary = "Try templates of prompts.",
  examples = {
    { "novita template check prompt.txt", "lists the variables of a template" },
    { "novita template check prompt.txt --data row.json", "prints it filled in" },
  },
  commands = {
    {
      name = "check",
      summary = "Check a template: list its variables, or print it filled in.",
      examples = {
        { "novita template check prompt.txt", "lists the variables of a template" },
        { "novita template check prompt.txt --data row.json", "prints it filled in" },
      },
      json = "the variables, or the text, as JSON",
      options = function(parser)
        parser:argument("file"):description("The template.")
        parser:option("--data"):argname("FILE")
          :description("A JSON object with values for the variables.")
      end,
      run = check,
    },
  },
}
